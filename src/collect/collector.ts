/**
 * The listener: one `node:http` server. `POST /v1/events` goes straight to `ingest`, everything else to Fastify;
 * what both share (the Host and Origin rules, shutting down) is decided here first.
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AcceptParts } from './accept.ts'
import { refusalAnswer, writeAnswer, writeRefusal } from './answer.ts'
import { CollectorError } from './collector-error.ts'
import { createConnections } from './connections.ts'
import { createHeld } from './held.ts'
import { createHeldReads } from './held-reads.ts'
import { answerOther, createIngest, type IngestParts } from './ingest.ts'
import { createKeyCheck, type Keys } from './keys.ts'
import { type CollectLimits, connectionsWithin, DEFAULT_LIMITS } from './limits.ts'
import { createOriginRules, isLoopbackHost, isOrigin } from './origin.ts'
import { type AddressRange, createClientSide } from './proxy.ts'
import { type CollectorStatus, openReading, type ReadRoute } from './reading.ts'
import type { RefusalCode } from './refusal.ts'
import { createSessions } from './session.ts'
import { readTarget, WHOLE_SERVER } from './target.ts'
import { limitWarnings, type Warn } from './warnings.ts'

export type CollectorOptions = Omit<AcceptParts, 'limits' | 'held' | 'warn'> &
  Readonly<{
    listen: Readonly<{ host: string; port: number }>
    keys: Keys
    /** Origins whose pages may send events, as browsers write them; `*` = every origin. */
    cors: readonly string[]
    /** Proxies whose word on the client counts; default: none. */
    trustedProxies?: readonly AddressRange[]
    /** Where browsers find the page, if not where it listens: `https://example.org/campaigns`. */
    publicUrl?: string | null
    status: () => CollectorStatus
    /** Read-only parts of the API, such as the Iceberg REST catalog. */
    routes?: readonly ReadRoute[]
    limits?: Partial<CollectLimits>
    /** How many files and connections the process may have open; null = no limit. */
    openFilesMax?: number | null
    /** Hears of faults of ours, which the client only sees as 500 or 503. */
    warn: (message: string, cause: unknown) => void
    /** A steady clock for durations. */
    nowMs: () => number
    /** The time of day, by which sessions end. */
    nowUs: () => number
  }>

export type Collector = Readonly<{
  address: Readonly<{ host: string; port: number; url: string }>
  /**
   * Accepts no further connection or request, ends the event streams, finishes the requests under way (for `closeTimeoutMs`
   * at most, then their connections are cut) and resolves. Requests that were answered 200 are durable; the log may be closed after it.
   */
  close(): Promise<void>
}>

const EVENTS_PATH = '/v1/events'
/** Of all routes together. */
const SERVER_METHODS = 'GET, HEAD, POST, DELETE, OPTIONS'
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
  const parts: IngestParts = {
    log: options.log,
    inspector: options.inspector,
    rejected: options.rejected,
    meter,
    limits,
    warn,
    nowMs,
    keptFromUs: options.keptFromUs,
    keys: createKeyCheck(options.keys, createSessions(options.keys.read, options.nowUs)),
    origins: createOriginRules({
      cors: options.cors,
      guardHost: needsHostGuard(options),
      clientSide,
      publicOrigin: publicUrl?.origin ?? null,
    }),
    held: createHeld(meter.collect, 'heldBytes', limits.heldBytesMax),
    connections: createConnections(connectionsMax, countOther),
    isClosing: () => isClosing,
  }
  const ingest = createIngest(parts)
  const heldReads = createHeldReads(meter.collect, limits)
  const reading = await openReading({
    meter,
    heldReads,
    warn,
    keys: parts.keys,
    status: options.status,
    routes: options.routes ?? [],
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
    const code = refusalAtTheDoor(parts, request)
    if (code !== null) {
      const isSurplus = code === 'too-many-connections'
      if (isSurplus) warnOfSurplus(warn, connectionsMax)
      const answer = refusalAnswer(code, [], isClosing || awaitsContinue || isSurplus)
      if (awaitsContinue) writeAnswer(response, answer)
      else writeRefusal(request, response, answer, limits)
      countOther(answer.status)
    } else if (request.url === WHOLE_SERVER) {
      response.writeHead(204, ['Allow', SERVER_METHODS]).end()
      countOther(204)
    } else if (!isEventsUrl(request.url)) {
      read(request, response, awaitsContinue)
    } else if (request.method === 'POST') {
      ingest(request, response, awaitsContinue).catch((cause) => {
        warn('an answer could not be written', cause)
        response.destroy()
      })
    } else {
      countOther(answerOther(parts, request, response))
    }
  }

  function read(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    if (!heldReads.begin(request, response)) {
      const { socket } = request
      const answer = refusalAnswer('too-many-answers', [], true)
      countOther(answer.status)
      // A refusal that has to wait would itself be held.
      if (parts.connections.isBehind(socket)) socket.destroy()
      else writeAnswer(response, answer)
      return
    }
    if (awaitsContinue) response.writeContinue()
    // Nobody reads a body here; left alone, it would wait in as many buffers as it has chunks.
    request.resume()
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

/** Whatever the route: what is asked for, the rules for browsers, and the end. */
function refusalAtTheDoor(
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
  const why = `there are ${connectionsMax}, as many as \`ulimit -n\` and the collector's own limit leave room for`
  warn('connections are refused', why)
}

function isEventsUrl(url: string | undefined): boolean {
  return url === EVENTS_PATH || (url?.startsWith(`${EVENTS_PATH}?`) ?? false)
}

/** The configuration checks the same; this is the last door before the network. */
function checkOptions({ listen, keys, cors }: CollectorOptions): void {
  const isOpen = keys.write.length === 0 || keys.read.length === 0
  if (isOpen && !isLoopbackHost(listen.host)) {
    throw new CollectorError(
      'keys-required',
      listen,
      `Listening on ${listen.host}:${listen.port} would let everyone who reaches it write and read: set ` +
        'keys.write and keys.read (at least one key each), or listen on 127.0.0.1.',
    )
  }
  for (const origin of cors) {
    if (isOrigin(origin)) continue
    throw new CollectorError(
      'bad-origin',
      listen,
      `cors: ${JSON.stringify(origin)} is no origin. Write scheme, host and port as a browser does, ` +
        'without a path or a slash at the end: https://shop.example, or * for every origin.',
    )
  }
}

/** With keys for both, a proxy may pass its own Host, and a rebound page has no key. */
function needsHostGuard({ listen, keys }: CollectorOptions): boolean {
  const isOpen = keys.write.length === 0 || keys.read.length === 0
  return isOpen && isLoopbackHost(listen.host)
}

function listen(
  server: Server,
  at: Readonly<{ host: string; port: number }>,
): Promise<Collector['address']> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      const advice =
        'code' in cause && cause.code === 'EADDRINUSE'
          ? 'the port is in use. Stop the other process, or set `listen` to another port.'
          : `${cause.message}. Set \`listen\` to an address of this machine and a port that you may use.`
      const message = `Cannot listen on ${at.host}:${at.port}: ${advice}`
      reject(new CollectorError('listen-failed', at, message, cause))
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
