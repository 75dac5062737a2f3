/**
 * Answers that go on: event streams. The source is asked for more only while the client's socket
 * takes it, so what a slow client has not read is never more than one message and the socket's own
 * buffer. `end()` finishes all of them, because the listener would wait for them for ever.
 */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

export type ReadStreams = Readonly<{
  /** The response is the stream's from here on. */
  send(response: ServerResponse, status: number, headers: StreamHeaders, source: Readable): void
  end(): void
}>

export type StreamHeaders = Readonly<Record<string, number | string | string[] | undefined>>

/**
 * What a client that does not read gets, to take the end of its stream, before its connection is
 * cut.
 */
const END_GRACE_MS = 200

export function createReadStreams(onFault: (cause: Error) => void): ReadStreams {
  const open = new Map<ServerResponse, Readable>()
  let isEnded = false
  return {
    send(response, status, headers, source) {
      if (response.destroyed) {
        source.destroy()
        return
      }
      open.set(response, source)
      response.once('close', () => {
        open.delete(response)
        source.destroy()
      })
      source.once('error', (cause) => {
        onFault(cause)
        response.destroy()
      })
      response.writeHead(status, { ...headers })
      // The client knows that it is connected before there is anything to say.
      response.flushHeaders()
      source.pipe(response)
      if (isEnded) endStream(response, source)
    },
    end() {
      isEnded = true
      for (const [response, source] of open) endStream(response, source)
    },
  }
}

function endStream(response: ServerResponse, source: Readable): void {
  const { socket } = response.req
  source.unpipe(response)
  const timer = setTimeout(() => socket.destroy(), END_GRACE_MS)
  response.once('close', () => clearTimeout(timer))
  // Its head promised to keep the connection, which would be one to wait for.
  response.end(() => socket.destroySoon())
}

/**
 * Cuts the connection of a client that takes nothing of its answer. What is not taken stays in
 * memory, tens of megabytes of a large CSV file, and the place of an event stream stays taken;
 * without this both would for as long as the client likes.
 */
/**
 * A client that is slow, but takes some, is waited for; so is one to which there is nothing to say.
 */
export function cutWhenStuck(response: ServerResponse, timeoutMs: number): void {
  response.setTimeout(timeoutMs, () => {
    if (response.writableLength > 0) response.destroy()
  })
}
