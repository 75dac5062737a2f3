/**
 * Decompresses a body within its limit. The threads of libuv do the work. Output is counted chunk
 * by chunk and the stream is destroyed at the first byte too many, so a bomb costs no more than the
 * limit.
 *
 * The compressed body is written in one piece. That is not for speed: Node's zstd stream silently
 * drops what follows the end of a frame in the *same* write, and only `bytesWritten` of a single
 * write shows how far it got. RFC 8878 allows several frames in sequence, as RFC 1952 allows
 * several gzip members.
 */
import {
  constants,
  createGunzip,
  createZstdDecompress,
  type Gunzip,
  type ZstdDecompress,
} from 'node:zlib'
import { type BodyBytes, openBodyBytes } from './body-bytes.ts'
import type { BodyCoding } from './body-form.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Upload, UploadFailure } from './upload.ts'

export type Inflater = (body: Upload, coding: BodyCoding) => Promise<Upload>

type Step = Readonly<{ consumed: number } | { failure: UploadFailure }>

const OUTPUT_CHUNK_BYTES = 64 * 1024
/** log2 of the largest window a zstd frame may ask memory for: the largest body, 16 MiB. */
const ZSTD_WINDOW_LOG_MAX = 24
/** Skippable frames take 8 bytes: a body of them would be two million rounds. */
const FRAMES_MAX = 1000

/**
 * `inflationsMax` at once; the others wait their turn. Their number is bounded by the bytes held.
 */
export function createInflater(
  bytesMax: number,
  inflationsMax: number,
  budget: MemoryBudget,
): Inflater {
  let running = 0
  const waiting: (() => void)[] = []

  return async (body, coding) => {
    if (running < inflationsMax) running += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await inflateAll(body, coding, bytesMax, budget)
    } finally {
      // The place goes to the next in the queue, if there is one.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

async function inflateAll(
  body: Upload,
  coding: BodyCoding,
  bytesMax: number,
  budget: MemoryBudget,
): Promise<Upload> {
  const output = openBodyBytes(budget)
  const end = (failure: UploadFailure | null): Upload => ({
    chunks: failure === null ? output.pieces() : [],
    bytes: output.bytes,
    heldBytes: body.heldBytes + output.heldBytes,
    failure,
  })
  let rest = Buffer.concat(body.chunks)
  for (let frames = 0; frames === 0 || rest.length > 0; frames++) {
    // Node itself continues with further gzip members; what it leaves over is not gzip.
    if (frames >= (coding === 'zstd' ? FRAMES_MAX : 1)) return end('body-compression')
    const step = await inflateFrame(rest, coding, bytesMax, output)
    if ('failure' in step) return end(step.failure)
    if (step.consumed === 0) return end('body-compression')
    rest = rest.subarray(step.consumed)
  }
  return end(null)
}

function inflateFrame(
  input: Buffer,
  coding: BodyCoding,
  bytesMax: number,
  output: BodyBytes,
): Promise<Step> {
  return new Promise((resolve) => {
    const stream = openStream(coding)
    const stop = (failure: UploadFailure) => {
      stream.destroy()
      resolve({ failure })
    }
    stream.on('data', (chunk: Buffer) => {
      if (output.bytes + chunk.length > bytesMax) return stop('body-too-large')
      if (!output.add(chunk)) stop('too-busy')
    })
    stream.on('error', () => stop('body-compression'))
    stream.on('end', () => resolve({ consumed: stream.bytesWritten }))
    stream.end(input)
  })
}

function openStream(coding: BodyCoding): Gunzip | ZstdDecompress {
  if (coding === 'gzip') return createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES })
  return createZstdDecompress({
    chunkSize: OUTPUT_CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
  })
}
