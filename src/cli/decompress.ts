/**
 * The plain bytes of what may be compressed with gzip or zstd, recognised by its first bytes.
 * Several members (RFC 1952, 2.2) or frames (RFC 8878, 3.1) one after the other are one input, as
 * `cat a.zst b.zst` makes them, skippable frames included.
 *
 * Node's streams stop at the end of a frame and silently drop what follows in the same write.
 * How far they got is in `bytesWritten`, so the rest of a write goes to a decoder of its own.
 * What a decoder gave before it failed is never lost: it is taken with `read()`, which async
 * iteration does not do once a stream has failed.
 */
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib'

/** A null between parts means that nothing more comes for now. */
export type Part = Uint8Array | null

/** The input ends or breaks off where it must not. */
export class DamagedInput extends Error {
  override readonly name = 'DamagedInput'
}

type Start = 'gzip' | 'zstd' | 'mark' | 'plain'
type Coding = 'gzip' | 'zstd'

/** Bytes as [value, mask]. */
const STARTS: readonly (readonly [Start, readonly (readonly [number, number])[]])[] = [
  ['gzip', exactly(0x1f, 0x8b)],
  ['zstd', exactly(0x28, 0xb5, 0x2f, 0xfd)],
  // A skippable frame: any of sixteen numbers.
  ['zstd', [[0x50, 0xf0], ...exactly(0x2a, 0x4d, 0x18)]],
  ['mark', exactly(0xef, 0xbb, 0xbf)],
]
const MARK_BYTES = 3
const OUTPUT_CHUNK_BYTES = 64 * 1024

/**
 * Also without a byte order mark at the start. Throws DamagedInput; before it, all that could be
 * read is given, then null.
 */
export async function* plainParts(
  input: AsyncIterable<Part>,
  mustBe: Coding | null,
): AsyncGenerator<Part> {
  const parts = input[Symbol.asyncIterator]()
  try {
    const { start, head } = await sniff(parts)
    const whole = followedBy(head, parts)
    if (start === 'gzip' || start === 'zstd') yield* withoutMark(inflated(whole, start))
    else if (mustBe !== null) throw new DamagedInput(`it does not begin as ${mustBe} does`)
    else yield* start === 'mark' ? followedBy(head.subarray(MARK_BYTES), parts) : whole
  } finally {
    await parts.return?.()
  }
}

async function* withoutMark(parts: AsyncGenerator<Part>): AsyncGenerator<Part> {
  const { start, head } = await sniff(parts)
  yield* followedBy(start === 'mark' ? head.subarray(MARK_BYTES) : head, parts)
}

/** Takes as many parts as it needs to know how they begin. */
async function sniff(
  parts: AsyncIterator<Part>,
): Promise<Readonly<{ start: Start; head: Uint8Array }>> {
  let head = Buffer.alloc(0)
  for (;;) {
    const start = startOf(head)
    if (start !== null) return { start, head }
    const { done, value } = await parts.next()
    if (done === true) return { start: 'plain', head }
    if (value !== null) head = Buffer.concat([head, value])
  }
}

/** null = too early to say. */
function startOf(head: Uint8Array): Start | null {
  let isOpen = false
  for (const [start, bytes] of STARTS) {
    const seen = bytes.slice(0, head.length)
    if (!seen.every(([value, mask], at) => ((head[at] ?? 0) & mask) === value)) continue
    if (seen.length === bytes.length) return start
    isOpen = true
  }
  return isOpen ? null : 'plain'
}

function exactly(...values: readonly number[]): readonly (readonly [number, number])[] {
  return values.map((value) => [value, 0xff])
}

async function* followedBy(head: Uint8Array, parts: AsyncIterator<Part>): AsyncGenerator<Part> {
  if (head.length > 0) yield head
  for (let next = await parts.next(); next.done !== true; next = await parts.next()) {
    yield next.value
  }
}

async function* inflated(parts: AsyncIterable<Part>, coding: Coding): AsyncGenerator<Part> {
  let decoder: Decoder | null = null
  let isFirst = true
  try {
    for await (const part of parts) {
      if (part === null) yield null
      for (let rest = part; rest !== null && rest.length > 0; ) {
        if (decoder === null) {
          // gzip members may be padded with zeros, as tapes are.
          if (!isFirst && coding === 'gzip') rest = withoutZeros(rest)
          if (rest.length === 0) break
          decoder = openDecoder(coding)
          isFirst = false
        }
        const used: number = yield* decoder.write(rest)
        if (used === rest.length) break
        decoder.close()
        decoder = null
        // A member may have ended with the part before; then zeros follow it.
        const isPadding = coding === 'gzip' && rest[0] === 0
        if (used === 0 && !isPadding) throw new DamagedInput('unexpected bytes after its end')
        rest = rest.subarray(used)
      }
    }
    if (decoder !== null) yield* decoder.end()
  } catch (error) {
    yield null
    throw error
  } finally {
    decoder?.close()
  }
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  return bytes.subarray(first === -1 ? bytes.length : first)
}

type Decoder = Readonly<{
  /**
   * Gives what comes out, and returns how many of the bytes were taken: fewer = the frame has ended
   * there.
   */
  write(bytes: Uint8Array): AsyncGenerator<Uint8Array, number>
  end(): AsyncGenerator<Uint8Array, void>
  close(): void
}>

function openDecoder(coding: Coding): Decoder {
  const options = { chunkSize: OUTPUT_CHUNK_BYTES }
  const stream: Gunzip | ZstdDecompress =
    coding === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (cause) => reject(new DamagedInput(cause.message, { cause })))
  })
  failed.catch(() => {})
  let wake = (): void => {}
  stream.on('readable', () => wake())

  /** What comes out until the promise is fulfilled, and all of it when it is rejected. */
  async function* outputUntil(promise: Promise<void>): AsyncGenerator<Uint8Array, void> {
    let isSettled = false
    const settled = Promise.race([promise, failed]).finally(() => {
      isSettled = true
      wake()
    })
    // It is awaited only when all output is taken.
    settled.catch(() => {})
    for (;;) {
      const chunk: Uint8Array | null = stream.read()
      if (chunk !== null) yield chunk
      else if (isSettled) return await settled
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  }

  return {
    async *write(bytes) {
      const before = stream.bytesWritten
      yield* outputUntil(new Promise((resolve) => stream.write(bytes, () => resolve())))
      return stream.bytesWritten - before
    },
    async *end() {
      const ended = new Promise<void>((resolve) => stream.once('end', resolve))
      stream.end()
      yield* outputUntil(ended)
    },
    close: () => stream.destroy(),
  }
}
