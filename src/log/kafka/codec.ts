/**
 * Compression of record batches. gzip and zstd are the runtime's own; lz4 frames and snappy, with Java's framing of it,
 * are those of the Kafka client.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'

/** By the bits in a batch's attributes. */
export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** What a batch may grow to: a topic takes batches of 1 MiB unless it was told otherwise. */
const BATCH_BYTES_MAX = 512 * 1024 * 1024

/**
 * The records of a batch, which may be written over. Throws what the decompressor throws. Null for a codec that does not
 * exist.
 */
export function decompress(codec: number, records: Buffer): Buffer | null {
  switch (codec) {
    case CODECS.none:
      return records
    case CODECS.gzip:
      return gunzipSync(records, { maxOutputLength: BATCH_BYTES_MAX })
    case CODECS.snappy:
      return compressionsAlgorithms.snappy.decompressSync(records)
    case CODECS.lz4:
      return compressionsAlgorithms.lz4.decompressSync(records)
    case CODECS.zstd:
      return zstdDecompressSync(records, { maxOutputLength: BATCH_BYTES_MAX })
    default:
      return null
  }
}

export function compressLz4(records: Buffer): Buffer {
  return compressionsAlgorithms.lz4.compressSync(records)
}
