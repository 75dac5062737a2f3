/**
 * The listener: one `node:http` server. `POST /v1/events` goes straight to `ingest`, everything
 * else to Fastify; what both share (the Host and Origin rules, the shutdown) is decided here first.
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemCode } from '../runtime.ts'
import type { AcceptParts } from './accept.ts'
import { isAtPath } from './address-event.ts'
import { refusalAnswer, writeAnswer, writeRefusal } from './answer.ts'
import { answerClick, CLICK_PATH, type ClickParts } from './click.ts'
import { createConnections } from './connections.ts'
import { CollectorError } from './error.ts'
import { answerOther, createIngest, type IngestParts } from './ingest.ts'
import { createKeyCheck, type Keys } from './keys.ts'
import {
  type CollectLimits,
  connectionsWithin,
  DEFAULT_LIMITS,
  limitWarnings,
  type Warn,
} from './limits.ts'
import { createMemoryBudget, createReadBudget } from './memory-budget.ts'
import { createOriginRules, isLoopbackHost, isOrigin } from './origin.ts'
import { createPageSenders, type PageRules } from './page-sender.ts'
import { answerPixel, PIXEL_PATH } from './pixel.ts'
import { type AddressRange, createClientSide } from './proxy.ts'
import { type ReadRoute, refusalBodyFor } from './read-route.ts'
import { type CollectorStatus, openReading } from './reading.ts'
import { createRedirects } from './redirects.ts'
import type { RefusalCode } from './refusal.ts'
import { createRefusalLog } from './refusal-log.ts'
import { createSessions } from './session.ts'

export type CollectorOptions = Omit<AcceptParts, 'limits' | 'budget' | 'warn'> &
  Readonly<{
    listen: Readonly<{ host: string; port: number }>
    keys: Keys
    /** What a page key may do; default: see `page-sender.ts`. */
    page?: Partial<PageRules>
    /** Origins whose pages may send events, as browsers write them; `*` = every origin. */
    cors: readonly string[]
    /** Origins that click links may lead to, as `URL.origin` writes them; default: none. */
    redirects?: readonly string[]
    /** Proxies whose forwarding headers are trusted; default: none. */
    trustedProxies?: readonly AddressRange[]
    /** Where browsers find the page, if not where it listens: `https://example.org/campaigns`. */
    publicUrl?: string | null
    status: () => CollectorStatus
    /** Parts of the API of other rooms, such as the Iceberg REST catalog. */
    routes?: readonly ReadRoute[]
    limits?: Partial<CollectLimits>
    /** How many files and connections the process may have open; null = no limit. */
    openFilesMax?: number | null
    /** Called for faults of the collector, which the client only sees as 500 or 503. */
    warn: (message: string, cause: unknown) => void
    /** A steady clock for durations. */
    nowMs: () => number
    /** The time of day, by which sessions end. */
    nowUs: () => number
  }>

export type Collector = Readonly<{
  address: Readonly<{ host: string; port: number; url: string }>
  /**
   * Accepts no further connection or request, ends the event streams, finishes the requests under
   * way (for `closeTimeoutMs` at most, then their connections are cut) and resolves. Requests that
   * were answered 200 are durable; the log may be closed after it.
   */
  close(): Promise<void>
}>

const EVENTS_PATH = '/v1/events'
/** The target of a request about the server as a whole. */
const WHOLE_SERVER = '*'
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i
/** The methods of all routes together. */
const SERVER_METHODS = 'GET, HEAD, POST, DELETE, OPTIONS'
const ADDRESS_PATHS = [PIXEL_PATH, CLICK_PATH]
const ADDRESS_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD'])
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Throws CollectorError when it may not or cannot listen. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  checkOptions(options)
  const limits: CollectLimits = { ...DEFAULT_LIMITS, ...options.limits }
  assert(limits.bodyBytesMax <= options.inspector.bodyBytesMax, 'the inspector takes every body')
  const { meter, nowMs } = options
  const connectionsMax = connectionsWithin(limits.connectionsMax, options.openFilesMax ?? null)
  const warn = limitWarnings(options.warn, nowMs)
  let isClosing = false

  const clientSide = createClientSide(options.trustedProxies ?? [])
  const publicUrl = options.publicUrl ? new URL(`${options.publicUrl}/`) : null
  const countOther = (status: number) => {
    meter.collect.otherAnswers[status] = (meter.collect.otherAnswers[status] ?? 0) + 1
  }
  const parts: ClickParts = {
    ...options,
    limits,
    warn,
    keys: createKeyCheck(
      options.keys,
      createSessions([...options.keys.read, ...(options.keys.tables ?? [])], options.nowUs),
    ),
    origins: createOriginRules({
      cors: options.cors,
      guardHost: needsHostGuard(options),
      clientSide,
      publicOrigin: publicUrl?.origin ?? null,
    }),
    pageSenders: createPageSenders(options.page ?? {}, clientSide, nowMs),
    budget: createMemoryBudget(meter.collect, 'heldBytes', limits.heldBytesMax),
    connections: createConnections(connectionsMax, countOther),
    refusals: createRefusalLog(options.warn, nowMs),
    redirects: createRedirects(options.redirects ?? []),
    isClosing: () => isClosing,
  }
  const ingest = createIngest(parts)
  // Without a page key there are none: any website could have its visitors' browsers ask for them.
  const hasPageKey = (options.keys.page ?? []).length > 0
  const readBudget = createReadBudget(meter.collect, limits)
  const routes = options.routes ?? []
  const refusalBodyOf = refusalBodyFor(routes)
  const reading = await openReading({
    meter,
    readBudget,
    bodyBudget: parts.budget,
    connections: parts.connections,
    warn,
    keys: parts.keys,
    status: options.status,
    routes,
    refusalBodyOf,
    clientSide,
    publicUrl,
    stuckTimeoutMs: limits.stuckTimeoutMs,
    isClosing: parts.isClosing,
  })

  function receive(
    request: IncomingMessage,
    response: ServerResponse,
    awaitsContinue: boolean,
  ): void {
    parts.connections.track(response)
    const code = entryRefusal(parts, request)
    const isAddress = ADDRESS_PATHS.some((path) => isAtPath(request.url, path))
    const isEvents = isAtPath(request.url, EVENTS_PATH)
    const isSurplus = code === 'too-many-connections'
    if (isSurplus) warnOfSurplus(warn, connectionsMax)
    if (isAddress && !hasPageKey) parts.refusals.notePageKeyMissing()
    else if (code !== null && (isAddress || isEvents)) parts.refusals.note(code, request)
    const mayCount = hasPageKey && ADDRESS_METHODS.has(request.method)
    if (mayCount && isAtPath(request.url, PIXEL_PATH)) {
      answerPixel(parts, request, response, code).then(countOther, failAnswer(response))
    } else if (mayCount && isAtPath(request.url, CLICK_PATH)) {
      answerClick(parts, request, response, code).then(countOther, failAnswer(response))
    } else if (code !== null) {
      const close = isClosing || awaitsContinue || isSurplus
      // Without these a page of an allowed origin would see no answer, and no Retry-After.
      const cors = isEvents ? parts.origins.corsHeaders(request.headers) : []
      const answer = refusalAnswer(code, cors, close, refusalBodyOf(request.url))
      if (awaitsContinue) writeAnswer(response, answer)
      else writeRefusal(request, response, answer, limits)
      countOther(answer.status)
    } else if (request.url === WHOLE_SERVER) {
      response.writeHead(204, ['Allow', SERVER_METHODS]).end()
      countOther(204)
    } else if (!isEvents) {
      read(request, response, awaitsContinue)
    } else if (request.method === 'POST') {
      ingest(request, response, awaitsContinue).catch(failAnswer(response))
    } else {
      countOther(answerOther(parts, request, response))
    }
  }

  function failAnswer(response: ServerResponse): (cause: unknown) => void {
    return (cause) => {
      warn('an answer could not be written', cause)
      response.destroy()
    }
  }

  function read(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    if (!readBudget.begin(request, response)) {
      const { socket } = request
      const answer = refusalAnswer('too-many-answers', [], true, refusalBodyOf(request.url))
      countOther(answer.status)
      // A refusal that has to wait would itself take memory.
      if (parts.connections.isBehind(socket)) socket.destroy()
      else writeAnswer(response, answer)
      return
    }
    if (awaitsContinue) response.writeContinue()
    // A body that is not read would wait in as many buffers as it has chunks.
    if (!reading.takesBody(request)) request.resume()
    reading.routing(request, response)
  }

  const server = createServer({
    connectionsCheckingInterval: limits.timeoutCheckMs,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.headBytesMax,
    noDelay: true,
  })
  server.maxConnections = connectionsMax
  server.on('connection', parts.connections.open)
  server.on('drop', () => warnOfSurplus(warn, connectionsMax))
  server.on('request', (request, response) => receive(request, response, false))
  server.on('checkContinue', (request, response) => receive(request, response, true))
  server.on('clientError', parts.connections.onClientError)
  const address = await listen(server, options.listen)

  let closed: Promise<void> | undefined
  return {
    address,
    close() {
      isClosing = true
      reading.endStreams()
      closed ??= closeServer(server, limits.closeTimeoutMs).then(() => reading.close())
      return closed
    },
  }
}

/**
 * Why a request is refused whatever its route: the target, the rules for browsers, or the shutdown.
 */
function entryRefusal(
  { origins, connections, isClosing }: IngestParts,
  request: IncomingMessage,
): RefusalCode | null {
  if (connections.isSurplus(request.socket)) return 'too-many-connections'
  if (!readTarget(request)) return 'http-syntax'
  const { headers, method } = request
  if (!origins.allowsHost(headers)) return 'host-not-allowed'
  if (!SAFE_METHODS.has(method) && !origins.allowsOrigin(request)) return 'origin-not-allowed'
  return isClosing() ? 'closing' : null
}

function warnOfSurplus(warn: Warn, connectionsMax: number): void {
  const why =
    `there are ${connectionsMax}, as many as \`ulimit -n\` and the collector's own ` +
    'limit leave room for'
  warn('connections are refused', why)
}

/** The configuration checks the same; this is the last check before the network. */
function checkOptions({ listen, keys, cors, redirects = [] }: CollectorOptions): void {
  if (isOpen(keys) && !isLoopbackHost(listen.host))
    throw new CollectorError('keys-required', listen)
  for (const origin of cors) {
    if (!isOrigin(origin)) throw new CollectorError('bad-origin', { ...listen, origin })
  }
  for (const origin of redirects) {
    if (origin === '*' || !isOrigin(origin))
      throw new CollectorError('bad-redirect', { ...listen, origin })
  }
}

/** With keys for both, a proxy may pass its own Host, and a rebound page has no key. */
function needsHostGuard({ listen, keys }: CollectorOptions): boolean {
  return isOpen(keys) && isLoopbackHost(listen.host)
}

/** Whoever reaches the port may write, or read. */
function isOpen({ write, read }: Keys): boolean {
  return write.length === 0 || read.length === 0
}

function listen(
  server: Server,
  at: Readonly<{ host: string; port: number }>,
): Promise<Collector['address']> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      const advice =
        systemCode(cause) === 'EADDRINUSE'
          ? 'the port is in use. Stop the other process, or set `listen` to another port.'
          : `${cause.message}. Set \`listen\` to an address of this machine and a port that you ` +
            'may use.'
      reject(new CollectorError('listen-failed', { ...at, advice }, cause))
    }
    server.once('error', onError)
    server.listen({ host: at.host, port: at.port, backlog: 1024 }, () => {
      server.off('error', onError)
      // A TCP server's address is always an object once it listens.
      const { address: host, port } = server.address() as AddressInfo
      resolve({ host, port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}` })
    })
  })
}

function closeServer(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), timeoutMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/**
 * The request target (RFC 9112, 3.2). Node passes on what was sent, but all routes know paths only:
 *
 *     origin-form     /v1/events?key=…              what nearly every client sends
 *     absolute-form   http://host/v1/events?key=…   sent to proxies, and passed on by some of them
 *     asterisk-form   *                             the server as a whole, asked with OPTIONS only
 *
 * Turns the absolute form into the origin form. The host in it counts in place of the Host header
 * (3.2.2), so that both forms pass the same checks. false = the target is not valid here: another
 * scheme, no host, a host with user information (RFC 9110, 4.2.4), or `*` with another method than
 * OPTIONS.
 */
function readTarget(request: IncomingMessage): boolean {
  const { url = '', method } = request
  if (url.startsWith('/')) return true
  if (url === WHOLE_SERVER) return method === 'OPTIONS'
  const [, host = '', rest = ''] = ABSOLUTE.exec(url) ?? []
  if (host === '' || host.includes('@')) return false
  request.headers.host = host
  if (rest === '' && method === 'OPTIONS') request.url = WHOLE_SERVER
  else request.url = rest.startsWith('/') ? rest : `/${rest}`
  return true
}
