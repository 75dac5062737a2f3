/**
 * The header of a record batch, the unit in which Kafka stores and sends records (message format
 * 2). Big-endian.
 *
 *  byte  0  i64  base offset         of the first record
 *        8  i32  length              of what follows this field
 *       12  i32  leader epoch
 *       16  i8   magic               2
 *       17  u32  crc32c              over bytes 21 to the end
 *       21  i16  attributes          bits 0–2 codec, 3 LogAppendTime, 4 transactional, 5 control
 *       23  i32  last offset delta   the batch ends at base offset + this, also after compaction
 *       27  i64  base timestamp      ms
 *       35  i64  max timestamp       ms; with LogAppendTime the time of every record
 *       43  i64  producer id
 *       51  i16  producer epoch
 *       53  i32  base sequence
 *       57  i32  record count
 *       61       records             together, compressed by the codec
 */

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import { compressionsAlgorithms } from '@platformatic/kafka'

const BATCH_HEADER_BYTES = 61
/** The end of the length field, which counts what follows it. */
const LENGTH_END = 12
const MAGIC_AT = 16
const CRC_FROM = 21
const MAGIC = 2
const CODEC_BITS = 0b111
const LOG_APPEND_TIME_BIT = 1 << 3
const TRANSACTIONAL_BIT = 1 << 4
const CONTROL_BIT = 1 << 5

export type RecordBatch = Readonly<{
  baseOffset: number
  /** Offset after the batch. */
  endOffset: number
  codec: number
  isLogAppendTime: boolean
  isTransactional: boolean
  isControl: boolean
  maxTimestampMs: number
  /** Not as a number: producer ids are only compared. */
  producerId: bigint
  recordCount: number
  /** A view: compressed, where `codec` is not 0. */
  records: Buffer
  sizeBytes: number
}>

export type BatchFault = 'wrong checksum' | 'impossible length' | Readonly<{ magic: number }>

/**
 * The batch at `at`; null when the bytes end before it does, as they may at the end of a response.
 */
export function readBatch(bytes: Buffer, at: number): RecordBatch | BatchFault | null {
  if (bytes.length - at <= MAGIC_AT) return null
  // Older formats have their magic at the same byte, and other lengths.
  const magic = bytes.readInt8(at + MAGIC_AT)
  if (magic !== MAGIC) return { magic }
  const sizeBytes = LENGTH_END + bytes.readInt32BE(at + 8)
  if (sizeBytes < BATCH_HEADER_BYTES) return 'impossible length'
  if (bytes.length - at < sizeBytes) return null
  if (bytes.readUInt32BE(at + 17) !== crc32c(bytes.subarray(at + CRC_FROM, at + sizeBytes))) {
    return 'wrong checksum'
  }
  const baseOffset = readInt64(bytes, at)
  const attributes = bytes.readInt16BE(at + 21)
  return {
    baseOffset,
    endOffset: baseOffset + bytes.readInt32BE(at + 23) + 1,
    codec: attributes & CODEC_BITS,
    isLogAppendTime: (attributes & LOG_APPEND_TIME_BIT) !== 0,
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    maxTimestampMs: readInt64(bytes, at + 35),
    producerId: bytes.readBigInt64BE(at + 43),
    recordCount: bytes.readInt32BE(at + 57),
    records: bytes.subarray(at + BATCH_HEADER_BYTES, at + sizeBytes),
    sizeBytes,
  }
}

/** The header of a batch to be written; the broker fills in offsets and times. */
type BatchHead = Readonly<{
  codec: number
  timestampMs: number
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  recordCount: number
}>

/** The header that precedes `records`, which are compressed by `head.codec`. */
export function batchHeader(head: BatchHead, records: Uint8Array): Buffer {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  header.writeInt32BE(BATCH_HEADER_BYTES - LENGTH_END + records.length, 8)
  header.writeInt32BE(-1, 12)
  header.writeInt8(MAGIC, MAGIC_AT)
  header.writeInt16BE(head.codec, 21)
  header.writeInt32BE(head.recordCount - 1, 23)
  header.writeBigInt64BE(BigInt(head.timestampMs), 27)
  header.writeBigInt64BE(BigInt(head.timestampMs), 35)
  header.writeBigInt64BE(head.producerId, 43)
  header.writeInt16BE(head.producerEpoch, 51)
  header.writeInt32BE(head.baseSequence, 53)
  header.writeInt32BE(head.recordCount, 57)
  header.writeUInt32BE(crc32c(records, crc32c(header.subarray(CRC_FROM))), 17)
  return header
}

/**
 * 64-bit big-endian integers as JavaScript numbers: offsets and milliseconds are far below 2^53.
 */
const TWO_32 = 2 ** 32

function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}

/**
 * Compression, by the bits in a batch's attributes. gzip and zstd are Node's own; lz4 frames and
 * snappy, with Java's framing of it, are those of the Kafka client.
 */
export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** What a batch may grow to; by default a topic takes batches of 1 MiB. */
const DECOMPRESSED_BYTES_MAX = 512 * 1024 * 1024

/**
 * The records of a batch, which may be written over. Throws what the decompressor throws. Null for
 * a codec that does not exist.
 */
export function decompress(codec: number, records: Buffer): Buffer | null {
  switch (codec) {
    case CODECS.none:
      return records
    case CODECS.gzip:
      return gunzipSync(records, { maxOutputLength: DECOMPRESSED_BYTES_MAX })
    case CODECS.snappy:
      return compressionsAlgorithms.snappy.decompressSync(records)
    case CODECS.lz4:
      return compressionsAlgorithms.lz4.decompressSync(records)
    case CODECS.zstd:
      return zstdDecompressSync(records, { maxOutputLength: DECOMPRESSED_BYTES_MAX })
    default:
      return null
  }
}

export function compressLz4(records: Buffer): Buffer {
  return compressionsAlgorithms.lz4.compressSync(records)
}
