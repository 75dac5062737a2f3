/**
 * Checksums of a whole Parquet file of ours. Parquet has them for the bodies of pages only; a byte
 * that changes in the header of a page or in the footer is often read as other rows, and not as an
 * error. They lie between the last column chunk and the footer, where other readers do not look:
 *
 *   'PAR1' | column chunk … | crc32 of each chunk, u32 … | crc32 of the footer, u32 | mark | footer
 */
import { crc32 } from 'node:zlib'

/** Begins and ends with a byte that no text has, so that no value of a column is taken for it. */
const MARK = Buffer.from([0xff, 0x43, 0x4d, 0x43, 0x52, 0x43, 0x01, 0xff])
const SUM_BYTES = 4

/** How many bytes before the footer `readChecksums` needs. */
export const CHECKSUMS_BYTES_MAX: number = 64 * SUM_BYTES + MARK.length

/** What is written between the last chunk and the footer. */
export function checksums(chunks: readonly number[], footer: Uint8Array): Buffer {
  const sums = Buffer.alloc((chunks.length + 1) * SUM_BYTES)
  for (const [index, sum] of [...chunks, crc32(footer)].entries()) {
    sums.writeUInt32LE(sum, index * SUM_BYTES)
  }
  return Buffer.concat([sums, MARK])
}

export type Checksums = Readonly<{
  isFooterWhole: boolean
  /** Whether column chunk `index` of `count` is what was written. */
  isChunkWhole(index: number, count: number, chunk: Uint8Array): boolean
}>

/** `before`: what lies before the footer. Null where the file has no checksums. */
export function readChecksums(before: Buffer, footer: Uint8Array): Checksums | null {
  const end = before.length - MARK.length
  if (end < SUM_BYTES || !before.subarray(end).equals(MARK)) return null
  return {
    isFooterWhole: before.readUInt32LE(end - SUM_BYTES) === crc32(footer),
    isChunkWhole(index, count, chunk) {
      const at = end - SUM_BYTES - (count - index) * SUM_BYTES
      return at >= 0 && before.readUInt32LE(at) === crc32(chunk)
    },
  }
}
