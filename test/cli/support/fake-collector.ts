/** A collector that answers as it is told to and remembers what it was sent. */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

export type Reply = Readonly<{
  status: number
  body: unknown
  headers?: Readonly<Record<string, string>>
}>
export type Sent = Readonly<{
  lines: readonly string[]
  headers: IncomingHttpHeaders
  path: string
}>

export type FakeCollector = Readonly<{
  url: string
  requests: Sent[]
  /** Paths that were asked for what they show; they are answered with `status`. */
  reads: string[]
  close(): Promise<void>
}>

/**
 * `reply` gets the lines that are not blank, and the number of the request from 0; null breaks the
 * connection.
 */
export async function openFakeCollector(
  reply: (lines: readonly string[], number: number) => Reply | null,
  status: unknown = {},
): Promise<FakeCollector> {
  const requests: Sent[] = []
  const reads: string[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      reads.push(request.url ?? '')
      response.writeHead(200, { connection: 'close' }).end(JSON.stringify(status))
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const isGzip = request.headers['content-encoding'] === 'gzip'
      const body = Buffer.concat(chunks)
      const text = (isGzip ? gunzipSync(body) : body).toString()
      const lines = text.split('\n').filter((line) => line.trim() !== '')
      const answer = reply(lines, requests.length)
      requests.push({ lines, headers: request.headers, path: request.url ?? '' })
      if (answer === null) {
        request.socket.destroy()
        return
      }
      response.writeHead(answer.status, { connection: 'close', ...answer.headers })
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    reads,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** The answer of a collector that takes every line but those that hold `bad`. */
export function takeAllButBad(lines: readonly string[]): Reply {
  const rejected = lines.flatMap((line, index) =>
    line.includes('bad') ? [{ index, reason: 'event_id: required' }] : [],
  )
  return { status: 200, body: { accepted: lines.length - rejected.length, rejected } }
}
