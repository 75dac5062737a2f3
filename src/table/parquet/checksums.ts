/**
 * Checksums of a whole Parquet file of ours. Parquet has them for the bodies of pages only; a byte
 * that changes in the header of a page, in the page index or in the footer is often read as other
 * rows, and not as an error. They lie before the footer, where other readers do not look; u32 each:
 *
 *   … column chunk | page index | crc32 of the index | of each chunk … | of the footer | mark | footer
 *
 * A file without a page index has no sum for it.
 */
import { crc32 } from 'node:zlib'

/** Begins and ends with a byte that no text has, so that no value of a column is taken for it. */
const MARK = Buffer.from([0xff, 0x43, 0x4d, 0x43, 0x52, 0x43, 0x01, 0xff])
const SUM_BYTES = 4

/** How many bytes before the footer `readChecksums` needs. */
export const CHECKSUMS_BYTES_MAX: number = 65 * SUM_BYTES + MARK.length

/** What is written before the footer. `index`: the page index, or nothing. */
export function checksums(
  chunks: readonly number[],
  index: readonly Uint8Array[],
  footer: Uint8Array,
): Buffer {
  const ofIndex = index.length === 0 ? [] : [crc32(Buffer.concat(index))]
  const sums = [...ofIndex, ...chunks, crc32(footer)]
  const bytes = Buffer.alloc(sums.length * SUM_BYTES)
  for (const [place, sum] of sums.entries()) bytes.writeUInt32LE(sum, place * SUM_BYTES)
  return Buffer.concat([bytes, MARK])
}

export type Checksums = Readonly<{
  isFooterWhole: boolean
  /** Whether column chunk `index` of `count` is what was written. */
  isChunkWhole(index: number, count: number, chunk: Uint8Array): boolean
  /** The same of the page index of a file with `count` column chunks. */
  isPageIndexWhole(count: number, pageIndex: Uint8Array): boolean
}>

/** `before`: what lies before the footer. Null where the file has no checksums. */
export function readChecksums(before: Buffer, footer: Uint8Array): Checksums | null {
  const end = before.length - MARK.length
  if (end < SUM_BYTES || !before.subarray(end).equals(MARK)) return null
  const isSum = (fromEnd: number, bytes: Uint8Array): boolean => {
    const at = end - fromEnd * SUM_BYTES
    return at >= 0 && before.readUInt32LE(at) === crc32(bytes)
  }
  return {
    isFooterWhole: isSum(1, footer),
    isChunkWhole: (index, count, chunk) => isSum(1 + count - index, chunk),
    isPageIndexWhole: (count, pageIndex) => isSum(2 + count, pageIndex),
  }
}
