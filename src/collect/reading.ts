/**
 * Everything except `POST /v1/events`, on Fastify: health, metrics, status, signing in, and the
 * routes that other rooms bring (the Iceberg REST catalog, the API and the page). Fastify is only the
 * router: the listener is the collector's, and the few bodies that a route wants are read here,
 * within the memory of all bodies.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Meter } from '../meter.ts'
import { acceptsGzip, COMPRESSED_BYTES_MIN, type Compress, createCompress } from './compress.ts'
import type { Connections } from './connections.ts'
import type { KeyCheck } from './keys.ts'
import type { MemoryBudget, ReadBudget } from './memory-budget.ts'
import type { ReadClientSide } from './proxy.ts'
import { type ReadRequest, type ReadRoute, routeOf } from './read-route.ts'
import { createReadStreams, cutWhenStuck, type ReadStreams } from './read-streams.ts'
import {
  type RefusalBody,
  type RefusalCode,
  refusal,
  refusalBody,
  refusalHeaders,
} from './refusal.ts'
import { type SignInRoute, signInRoute } from './sign-in.ts'
import { tokenRoute } from './token.ts'
import { readBody } from './upload.ts'

/** What `/healthz` needs of a status; the whole of it is `GET /v1/status`. */
export type CollectorStatus = Readonly<{
  healthy: boolean
  /** One sentence for each thing that is wrong. */
  problems: readonly string[]
}>

export type Reading = Readonly<{
  routing: FastifyInstance['routing']
  /** Whether its route may read the body; all others are discarded by the caller. */
  takesBody(request: IncomingMessage): boolean
  /** Finishes the streams; the listener would wait for them. */
  endStreams(): void
  /** After the listener. */
  close(): Promise<void>
}>

type ReadingParts = Readonly<{
  meter: Meter
  readBudget: ReadBudget
  /** For the bodies of requests. */
  bodyBudget: MemoryBudget
  connections: Connections
  keys: KeyCheck
  status: () => CollectorStatus
  routes: readonly ReadRoute[]
  refusalBodyOf: (target: string | undefined) => RefusalBody
  clientSide: ReadClientSide
  /** Where browsers find the page; its path ends in a slash. */
  publicUrl: URL | null
  stuckTimeoutMs: number
  isClosing: () => boolean
  warn: (message: string, cause: unknown) => void
}>

const READ_METHODS = ['GET', 'HEAD']
const OTHER_METHODS = ['DELETE', 'OPTIONS', 'PATCH', 'POST', 'PUT']
const ALL_METHODS = [...READ_METHODS, ...OTHER_METHODS]
const JSON_TYPE = 'application/json'
const NO_BODY = new Uint8Array(0)
/**
 * The browser sends a session along by itself, so no other page may embed an answer or load it as a
 * script, unless its route says so.
 */
const HARDENING = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

/** Builds the router. */
export async function openReading(parts: ReadingParts): Promise<Reading> {
  const streams = createReadStreams((cause) => parts.warn('an event stream failed', cause))
  const compress = createCompress()
  const routes = [
    signInRoute(parts.keys, parts.publicUrl),
    tokenRoute(parts.keys, parts.refusalBodyOf),
    ...parts.routes,
  ]
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    frameworkErrors: (error, _request, reply) => answerError(parts, error, reply),
  })
  app.removeAllContentTypeParsers()
  // Bodies are read by the handlers that want them.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(parts, error, reply))
  app.setNotFoundHandler(({ raw }, reply) => {
    // A method that Fastify does not route, such as PROPFIND.
    const isRouted = routeOf<ReadRoute | SignInRoute>(parts.routes, raw.url) !== undefined
    if (!isRouted) return refuse(parts, reply, 'not-found')
    return refuse(parts, reply.header('Allow', ALL_METHODS.join(', ')), 'method-not-allowed')
  })
  app.addHook('onSend', async (_request, reply) => {
    cutWhenStuck(reply.raw, parts.stuckTimeoutMs)
    for (const [name, value] of Object.entries(HARDENING)) {
      if (!reply.hasHeader(name)) reply.header(name, value)
    }
    if (parts.isClosing()) reply.header('Connection', 'close')
  })
  app.addHook('onResponse', async (_request, reply) => {
    const answers = parts.meter.collect.otherAnswers
    answers[reply.statusCode] = (answers[reply.statusCode] ?? 0) + 1
  })

  addRead(app, parts, '/healthz', (request, reply) =>
    answerHealth(parts.status(), parts.keys.isReader(request.headers), reply),
  )
  addRead(
    app,
    parts,
    '/metrics',
    guarded(parts, async (_request, reply) => {
      const text = await parts.meter.text()
      return reply.type(parts.meter.contentType).send(text)
    }),
  )
  addRead(
    app,
    parts,
    '/v1/status',
    guarded(parts, (_request, reply) => reply.type(JSON_TYPE).send(JSON.stringify(parts.status()))),
  )
  for (const route of routes) addRoute(app, parts, { streams, compress }, route)
  await app.ready()
  return {
    routing: app.routing,
    takesBody: ({ url }) => bodyBytesMaxOf(routeOf<ReadRoute | SignInRoute>(routes, url)) > 0,
    endStreams: streams.end,
    close: () => app.close(),
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

function addRead(app: FastifyInstance, parts: ReadingParts, url: string, handler: Handler): void {
  app.route({ method: READ_METHODS, url, handler })
  app.route({
    method: OTHER_METHODS,
    url,
    handler: (_request, reply) =>
      refuse(parts, reply.header('Allow', READ_METHODS.join(', ')), 'method-not-allowed'),
  })
}

type Sending = Readonly<{ streams: ReadStreams; compress: Compress }>

function addRoute(
  app: FastifyInstance,
  parts: ReadingParts,
  sending: Sending,
  route: ReadRoute | SignInRoute,
): void {
  const ask: Handler = async (request, reply) => {
    const body = await bodyOf(parts, route, request)
    if (typeof body === 'string') {
      return body === 'aborted' ? reply.hijack() : refuse(parts, reply, body)
    }
    try {
      return await answerRoute(parts, sending, route, request, reply, body.bytes)
    } finally {
      parts.bodyBudget.release(body.heldBytes)
    }
  }
  const handler = route.access === 'open' ? ask : guarded(parts, ask)
  for (const url of route.isExact === true ? [route.prefix] : [route.prefix, `${route.prefix}/*`]) {
    app.route({ method: ALL_METHODS, url, handler })
  }
}

function bodyBytesMaxOf(route: ReadRoute | SignInRoute | undefined): number {
  return route !== undefined && 'bodyBytesMax' in route ? (route.bodyBytesMax ?? 0) : 0
}

type Body = Readonly<{ bytes: Uint8Array; heldBytes: number }>

/** The whole body where the route wants it, or why there is none. The caller releases its bytes. */
async function bodyOf(
  { bodyBudget, connections }: ReadingParts,
  route: ReadRoute | SignInRoute,
  { raw }: FastifyRequest,
): Promise<Body | RefusalCode | 'aborted'> {
  const bytesMax = bodyBytesMaxOf(route)
  if (bytesMax === 0) return { bytes: NO_BODY, heldBytes: 0 }
  const { chunks, heldBytes, failure } = await readBody(raw, bytesMax, bodyBudget, (stop) =>
    connections.setUpload(raw.socket, stop),
  )
  if (failure === null) return { bytes: Buffer.concat(chunks), heldBytes }
  bodyBudget.release(heldBytes)
  return failure === 'body-too-large' ? 'body-over-limit' : failure
}

async function answerRoute(
  parts: ReadingParts,
  { streams, compress }: Sending,
  route: ReadRoute | SignInRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  sentBody: Uint8Array,
): Promise<FastifyReply> {
  const { url = '/' } = request.raw
  const cut = url.indexOf('?')
  const asked: ReadRequest = {
    method: request.method,
    path: cut === -1 ? url : url.slice(0, cut),
    query: new URLSearchParams(cut === -1 ? '' : url.slice(cut + 1)),
    headers: request.headers,
    body: sentBody,
    mayChangeTables: parts.keys.mayChangeTables(request.headers),
  }
  const { status, headers, body } = await route.answer({
    ...asked,
    client: parts.clientSide(request.raw),
  })
  const isHead = request.method === 'HEAD'
  const isWhole = body !== null && !(body instanceof Readable)
  const held = isWhole && !isHead ? parts.readBudget.hold(reply.raw, body) : body
  if (isWhole && held === null) return refuse(parts, reply, 'too-many-answers')
  reply.code(status)
  if (body !== null) reply.type(JSON_TYPE)
  if (headers !== undefined) reply.headers(headers)
  const isCompressed = 'isCompressed' in route && route.isCompressed === true
  if (isCompressed) reply.header('vary', 'Accept-Encoding')
  if (!(held instanceof Readable)) {
    const isLarge = held !== null && held.length >= COMPRESSED_BYTES_MIN
    const isTaken = isLarge && !isHead && acceptsGzip(request.headers['accept-encoding'])
    if (!isCompressed || !isTaken) return reply.send(held ?? undefined)
    return reply.header('content-encoding', 'gzip').send(await compress(held))
  }
  if (isHead) {
    held.destroy()
    return reply.send()
  }
  reply.hijack()
  cutWhenStuck(reply.raw, parts.stuckTimeoutMs)
  streams.send(reply.raw, status, { ...HARDENING, ...reply.getHeaders() }, held)
  return reply
}

function guarded(parts: ReadingParts, handler: Handler): Handler {
  return (request, reply) => {
    const code = parts.keys.mayRead(request.headers)
    return code === null ? handler(request, reply) : refuse(parts, reply, code)
  }
}

/** Problems name paths, hosts and users: without a read key only their number is shown. */
function answerHealth(
  { healthy, problems }: CollectorStatus,
  isReader: boolean,
  reply: FastifyReply,
): unknown {
  const showsProblems = isReader || problems.length === 0
  const body = {
    status: healthy ? 'ok' : 'unhealthy',
    problems: showsProblems ? problems : [problemCount(problems.length)],
  }
  return reply
    .code(healthy ? 200 : 503)
    .type(JSON_TYPE)
    .send(JSON.stringify(body))
}

function problemCount(count: number): string {
  const what = count === 1 ? '1 problem' : `${count} problems`
  return (
    `${what}: see GET /v1/status or \`campaign-metrics status\`; with a read key they are ` +
    'named here'
  )
}

function refuse(
  { refusalBodyOf }: ReadingParts,
  reply: FastifyReply,
  code: RefusalCode,
): FastifyReply {
  const { raw } = reply.request
  // What a route would have read is discarded.
  raw.resume()
  const body = refusalBody(code, refusalBodyOf(raw.url))
  return reply.code(refusal(code).status).headers(refusalHeaders(code)).type(JSON_TYPE).send(body)
}

/**
 * What Fastify itself refuses (a path that cannot be decoded) is the client's fault; the rest is
 * ours.
 */
function answerError(parts: ReadingParts, error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (status < 500) {
    const { raw } = reply.request
    raw.resume()
    const write = parts.refusalBodyOf(raw.url)
    const body = write({ code: 'bad-request', status, message: error.message })
    return reply.code(status).type(JSON_TYPE).send(body)
  }
  parts.warn('a read request failed', error)
  return refuse(parts, reply, 'internal')
}
