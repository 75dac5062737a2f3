/**
 * Answers that stay open: event streams. The source is read only while the client's socket takes
 * more, so a slow client never has more than one message and the socket's own buffer waiting.
 * `end()` finishes all streams, because the listener would wait for them forever.
 */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

export type ReadStreams = Readonly<{
  /** The response is the stream's from here on. */
  send(response: ServerResponse, status: number, headers: StreamHeaders, source: Readable): void
  end(): void
}>

type StreamHeaders = Readonly<Record<string, number | string | string[] | undefined>>

/** How long a client may take to read the end of its stream before its connection is cut. */
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
      // The client learns that it is connected before there is an event.
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
  // Its head promised keep-alive, and the listener would wait for the connection.
  response.end(() => socket.destroySoon())
}

/**
 * Cuts the connection of a client that reads nothing of its answer. What is not read stays in
 * memory, tens of megabytes of a large CSV file, and an event stream keeps its place; without this,
 * for as long as the client wants. A client that is slow but reads some is waited for; so is one
 * for which there is nothing to read.
 */
export function cutWhenStuck(response: ServerResponse, timeoutMs: number): void {
  response.setTimeout(timeoutMs, () => {
    if (response.writableLength > 0) response.destroy()
  })
}
