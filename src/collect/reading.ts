/**
 * Everything except `POST /v1/events`, on Fastify: health, metrics, status, signing in, and the
 * read-only routes that other rooms bring (the Iceberg REST catalog, the API and the page). Fastify
 * is only the router: the listener is the collector's, and no route reads a body.
 */
import { Readable } from 'node:stream'
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Meter } from '../meter.ts'
import type { KeyCheck } from './keys.ts'
import type { ReadBudget } from './memory-budget.ts'
import type { ReadClientSide } from './proxy.ts'
import type { ReadRoute } from './read-route.ts'
import { createReadStreams, cutWhenStuck, type ReadStreams } from './read-streams.ts'
import { type RefusalCode, refusal, refusalBody, refusalHeaders } from './refusal.ts'
import { type SignInRoute, signInRoute } from './sign-in.ts'

/** What `/healthz` needs of a status; the whole of it is `GET /v1/status`. */
export type CollectorStatus = Readonly<{
  healthy: boolean
  /** One sentence for each thing that is wrong. */
  problems: readonly string[]
}>

export type Reading = Readonly<{
  routing: FastifyInstance['routing']
  /** Finishes the streams; the listener would wait for them. */
  endStreams(): void
  /** After the listener. */
  close(): Promise<void>
}>

type ReadingParts = Readonly<{
  meter: Meter
  readBudget: ReadBudget
  keys: KeyCheck
  status: () => CollectorStatus
  routes: readonly ReadRoute[]
  clientSide: ReadClientSide
  /** Where browsers find the page; its path ends in a slash. */
  publicUrl: URL | null
  stuckTimeoutMs: number
  isClosing: () => boolean
  warn: (message: string, cause: unknown) => void
}>

const READ_METHODS = ['GET', 'HEAD']
const OTHER_METHODS = ['DELETE', 'OPTIONS', 'PATCH', 'POST', 'PUT']
const JSON_TYPE = 'application/json'
/**
 * The browser sends a session along by itself, so no other page may embed an answer or load it as a
 * script.
 */
const HARDENING = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

/** Builds the router. */
export async function openReading(parts: ReadingParts): Promise<Reading> {
  const streams = createReadStreams((cause) => parts.warn('an event stream failed', cause))
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    frameworkErrors: (error, _request, reply) => answerError(parts, error, reply),
  })
  app.removeAllContentTypeParsers()
  // Node discards a body that is not read.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(parts, error, reply))
  app.setNotFoundHandler((_request, reply) => refuse(reply, 'not-found'))
  app.addHook('onSend', async (_request, reply) => {
    cutWhenStuck(reply.raw, parts.stuckTimeoutMs)
    reply.headers(HARDENING)
    if (parts.isClosing()) reply.header('Connection', 'close')
  })
  app.addHook('onResponse', async (_request, reply) => {
    const answers = parts.meter.collect.otherAnswers
    answers[reply.statusCode] = (answers[reply.statusCode] ?? 0) + 1
  })

  addRead(app, '/healthz', (request, reply) =>
    answerHealth(parts.status(), parts.keys.isReader(request.headers), reply),
  )
  addRead(
    app,
    '/metrics',
    guarded(parts.keys, async (_request, reply) => {
      const text = await parts.meter.text()
      return reply.type(parts.meter.contentType).send(text)
    }),
  )
  addRead(
    app,
    '/v1/status',
    guarded(parts.keys, (_request, reply) =>
      reply.type(JSON_TYPE).send(JSON.stringify(parts.status())),
    ),
  )
  for (const route of [signInRoute(parts.keys, parts.publicUrl), ...parts.routes]) {
    addRoute(app, parts, streams, route)
  }
  await app.ready()
  return { routing: app.routing, endStreams: streams.end, close: () => app.close() }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

function addRead(app: FastifyInstance, url: string, handler: Handler): void {
  app.route({ method: READ_METHODS, url, handler })
  app.route({
    method: OTHER_METHODS,
    url,
    handler: (_request, reply) =>
      refuse(reply.header('Allow', READ_METHODS.join(', ')), 'method-not-allowed'),
  })
}

function addRoute(
  app: FastifyInstance,
  { keys, readBudget, stuckTimeoutMs, clientSide }: ReadingParts,
  streams: ReadStreams,
  { prefix, access, answer }: ReadRoute | SignInRoute,
): void {
  const ask: Handler = async (request, reply) => {
    const { url = '/' } = request.raw
    const cut = url.indexOf('?')
    const { status, headers, body } = await answer({
      method: request.method,
      path: cut === -1 ? url : url.slice(0, cut),
      query: new URLSearchParams(cut === -1 ? '' : url.slice(cut + 1)),
      headers: request.headers,
      client: clientSide(request.raw),
    })
    const isHead = request.method === 'HEAD'
    const isWhole = body !== null && !(body instanceof Readable)
    const sent = isWhole && !isHead ? readBudget.hold(reply.raw, body) : body
    if (isWhole && sent === null) return refuse(reply, 'too-many-answers')
    reply.code(status)
    if (body !== null) reply.type(JSON_TYPE)
    if (headers !== undefined) reply.headers(headers)
    if (!(sent instanceof Readable)) return reply.send(sent ?? undefined)
    if (isHead) {
      sent.destroy()
      return reply.send()
    }
    reply.hijack()
    cutWhenStuck(reply.raw, stuckTimeoutMs)
    streams.send(reply.raw, status, { ...HARDENING, ...reply.getHeaders() }, sent)
    return reply
  }
  const handler = access === 'open' ? ask : guarded(keys, ask)
  for (const url of prefix === '/' ? ['/'] : [prefix, `${prefix}/*`]) {
    app.route({ method: [...READ_METHODS, ...OTHER_METHODS], url, handler })
  }
}

function guarded(keys: KeyCheck, handler: Handler): Handler {
  return (request, reply) => {
    const code = keys.mayRead(request.headers)
    return code === null ? handler(request, reply) : refuse(reply, code)
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

function refuse(reply: FastifyReply, code: RefusalCode): FastifyReply {
  const { status } = refusal(code)
  return reply.code(status).headers(refusalHeaders(code)).type(JSON_TYPE).send(refusalBody(code))
}

/**
 * What Fastify itself refuses (a path that cannot be decoded) is the client's fault; the rest is
 * ours.
 */
function answerError(parts: ReadingParts, error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (status < 500) {
    const body = { error: { code: 'bad-request', message: error.message } }
    return reply.code(status).type(JSON_TYPE).send(JSON.stringify(body))
  }
  parts.warn('a read request failed', error)
  return refuse(reply, 'internal')
}
