/**
 * The batches that Kafka's Java client wrote (test/golden/kafka/WriteBatches.java), and what it was
 * told to write.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../golden/kafka')

export const ARRIVAL_MS = 1_795_341_600_123
export const BASE_OFFSET = 1_000_000_000_000
export const RECORDS = 400

export type GoldenName =
  | 'none'
  | 'gzip'
  | 'snappy'
  | 'lz4'
  | 'zstd'
  | 'compacted'
  | 'format-1'
  | 'transactions'

/** A copy: readers write over it. */
export function goldenBatches(name: GoldenName): Buffer {
  return Buffer.from(readFileSync(join(FOLDER, `${name}.batches`)))
}

/** As `value` in WriteBatches.java. */
export function goldenValue(i: number): string | null {
  if (i % 50 === 7) return null
  if (i % 50 === 8) return ''
  if (i % 50 === 9) return `{\n"event_id":"${i}"\n}`
  return `{"event_id":"é-${i}","square":${i * i},"pad":"${'ä'.repeat(i)}"}`
}
