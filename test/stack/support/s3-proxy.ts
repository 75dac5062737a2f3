/**
 * A proxy in front of S3 that is short of breath: while told so, it answers a part of all requests
 * with 503 SlowDown, 429 or 500 and passes the others on. Requests keep the host that they were
 * signed for.
 */
import { randomInt } from 'node:crypto'
import { createServer, request } from 'node:http'

export type S3Proxy = Readonly<{
  address: string
  /** From 0 (none) to 1 (all). */
  failShare(share: number): void
  failed(): number
  close(): Promise<void>
}>

const ANSWERS = [
  [503, 'SlowDown'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
] as const
const THOUSAND = 1000

export async function openS3Proxy(store: string): Promise<S3Proxy> {
  const [host, port] = store.split(':')
  const state = { share: 0, failed: 0 }
  const server = createServer((incoming, outgoing) => {
    incoming.on('error', () => outgoing.destroy())
    if (randomInt(THOUSAND) < state.share * THOUSAND) {
      const [status, code] = ANSWERS[state.failed % ANSWERS.length] ?? ANSWERS[0]
      state.failed += 1
      incoming.resume()
      outgoing.writeHead(status, { 'content-type': 'application/xml', connection: 'close' })
      outgoing.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>later</Message></Error>`,
      )
      return
    }
    const { method, url, rawHeaders } = incoming
    const upstream = request({ host, port, method, path: url, headers: rawHeaders }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(outgoing)
    })
    upstream.on('error', () => outgoing.destroy())
    incoming.pipe(upstream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    address: `127.0.0.1:${address.port}`,
    failShare: (share) => {
      state.share = share
    },
    failed: () => state.failed,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
