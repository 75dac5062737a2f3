/**
 * Counts connections, and decides which are too many. The last ones below the bound are accepted
 * only to be answered 503, since a connection that is closed without an answer looks like a broken
 * network.
 *
 * What Node's HTTP parser reports about a connection (`clientError`: bad syntax, too slow, gone)
 * becomes an answer: through the request whose body was arriving, or on the bare socket, but never
 * before the answers that earlier requests on the same connection still wait for (pipelining).
 */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { systemCode } from '../runtime.ts'
import { type RefusalCode, refusal, refusalBody } from './refusal.ts'
import type { StopUpload } from './upload.ts'

type Connection = {
  isSurplus: boolean
  unanswered: number
  stopUpload: StopUpload | null
  isBroken: boolean
}

export type Connections = Readonly<{
  /** For the server's `connection`. */
  open(socket: Duplex): void
  /** Its requests are answered with 503, and it is closed. */
  isSurplus(socket: Duplex): boolean
  /** Counts a request until its response is over. */
  track(response: ServerResponse): void
  /**
   * Whether its newest request waits for answers to earlier ones, or for a client that does not
   * read.
   */
  isBehind(socket: Duplex): boolean
  /** The upload in progress on this connection; null = none. */
  setUpload(socket: Duplex, stop: StopUpload | null): void
  /** For the server's `clientError`. */
  onClientError(error: Error, socket: Duplex): void
}>

const REFUSAL_OF: Readonly<Record<string, RefusalCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  HPE_HEADER_OVERFLOW: 'head-too-large',
}

/**
 * A connection that ends in the middle of a request is a client that went away, not a syntax error.
 */
const GONE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])

/** An eighth of the bound, and at most this many. */
const SURPLUS_MAX = 32

export function createConnections(
  connectionsMax: number,
  onRefused: (status: number) => void,
): Connections {
  const served = connectionsMax - Math.min(SURPLUS_MAX, Math.floor(connectionsMax / 8))
  const connections = new WeakMap<Duplex, Connection>()
  let opened = 0

  function of(socket: Duplex): Connection {
    let connection = connections.get(socket)
    if (connection === undefined) {
      connection = { isSurplus: false, unanswered: 0, stopUpload: null, isBroken: false }
      connections.set(socket, connection)
    }
    return connection
  }

  return {
    open(socket) {
      opened += 1
      of(socket).isSurplus = opened > served
      socket.once('close', () => {
        opened -= 1
      })
    },
    isSurplus: (socket) => of(socket).isSurplus,
    track(response) {
      const { socket } = response.req
      const connection = of(socket)
      connection.unanswered += 1
      response.once('close', () => {
        connection.unanswered -= 1
        if (connection.isBroken && connection.unanswered === 0) socket.end()
      })
    },
    isBehind: (socket) => of(socket).unanswered > 1 || socket.writableLength > 0,
    setUpload(socket, stop) {
      of(socket).stopUpload = stop
    },
    onClientError(error, socket) {
      const connection = of(socket)
      const reason = systemCode(error) ?? ''
      if (GONE.has(reason) || !socket.writable) {
        connection.stopUpload?.('aborted')
        socket.destroy()
        return
      }
      const code = REFUSAL_OF[reason] ?? 'http-syntax'
      if (connection.isBroken) return
      connection.isBroken = true
      if (connection.stopUpload?.(code)) return
      // The pending answers come first; whatever follows on this connection cannot be parsed.
      if (connection.unanswered > 0) return
      onRefused(refusal(code).status)
      socket.end(rawAnswer(code), () => socket.destroy())
    },
  }
}

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

function rawAnswer(code: RefusalCode): string {
  const { status } = refusal(code)
  const body = refusalBody(code)
  return (
    `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? 'Error'}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  )
}
