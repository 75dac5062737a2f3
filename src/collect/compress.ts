/**
 * Compresses answers with gzip, on a thread of libuv. One at a time: the other threads of its pool
 * stay free for fdatasync, and a client that waits its turn has taken its place in the budget of
 * answers already.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export type Compress = (body: string | Uint8Array) => Promise<Uint8Array>

/** A smaller answer fits into the packets of its head. */
export const COMPRESSED_BYTES_MIN = 1024

const gzipped = promisify(gzip)

export function createCompress(): Compress {
  let last: Promise<unknown> = Promise.resolve()
  return (body) => {
    const compressed = last.then(() => gzipped(body))
    last = compressed.catch(() => {})
    return compressed
  }
}

/** Whether a client's `Accept-Encoding` takes gzip: by name or `*`, and not with a weight of 0. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const wishes = new Map(
    String(header ?? '')
      .toLowerCase()
      .split(',')
      .map((wish) => {
        const [name = '', ...parameters] = wish.split(';').map((part) => part.trim())
        const weight = parameters.find((parameter) => parameter.startsWith('q='))
        return [name, weight === undefined || Number(weight.slice(2)) > 0]
      }),
  )
  return wishes.get('gzip') ?? wishes.get('x-gzip') ?? wishes.get('*') ?? false
}
