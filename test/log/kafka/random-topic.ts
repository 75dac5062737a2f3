/**
 * A topic with records of every kind, from a seed, as batches that the JavaScript client wrote:
 * hard events in many spellings, repeats, empty and missing values, all codecs, batches of aborted
 * transactions, markers. What a reader must make of it is told beside.
 */
import { crc32c } from '@node-rs/crc32'
import { createRecordsBatch } from '@platformatic/kafka'
import type { AbortedTransaction } from '../../../src/log/kafka/fetch.ts'
import { randomEvent } from '../../engine/random-bodies.ts'
import type { Random } from '../../support/random.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const LOG_APPEND_TIME_BIT = 1 << 3
const CONTROL_BITS = (1 << 4) | (1 << 5)
const ABORTED_PRODUCER = 900n

/** A record that is an event, or would be. */
export type TopicRecord = Readonly<{ offset: number; arrivalMs: number; value: Buffer }>

export type RandomPartition = Readonly<{
  bytes: Buffer
  /** Where the batches begin in `bytes`. */
  boundaries: readonly number[]
  end: number
  aborted: readonly AbortedTransaction[]
  records: readonly TopicRecord[]
}>

export function randomPartition(
  random: Random,
  options: Readonly<{ batches: number; firstMs: number; stepMsMax: number }>,
): RandomPartition {
  const pieces: Buffer[] = []
  const records: TopicRecord[] = []
  const aborted: AbortedTransaction[] = []
  const ids: string[] = []
  let offset = random.below(50)
  let arrivalMs = options.firstMs
  const add = (values: readonly (Buffer | undefined)[], kind: 'plain' | 'aborted' | 'marker') => {
    pieces.push(batchOf(random, values, offset, arrivalMs, kind))
    if (kind === 'plain') {
      for (const [at, value] of values.entries()) {
        records.push({ offset: offset + at, arrivalMs, value: value ?? Buffer.alloc(0) })
      }
    }
    offset += values.length
  }
  for (let batch = 0; batch < options.batches; batch += 1) {
    arrivalMs += random.below(options.stepMsMax)
    const values = Array.from({ length: 1 + random.below(12) }, () => randomValue(random, ids))
    if (random.chance(0.1)) {
      aborted.push({ producerId: ABORTED_PRODUCER, firstOffset: offset })
      add(values, 'aborted')
      add([Buffer.alloc(6)], 'marker')
    } else add(values, 'plain')
  }
  const bytes = Buffer.concat(pieces)
  let at = 0
  const boundaries = pieces.map((piece) => {
    at += piece.length
    return at - piece.length
  })
  return { bytes, boundaries, end: offset, aborted, records }
}

function randomValue(random: Random, ids: string[]): Buffer | undefined {
  if (random.chance(0.03)) return undefined
  if (random.chance(0.03)) return Buffer.from(random.pick(['', ' ', '\n', '\r\n \t', '\n\n']))
  if (random.chance(0.3)) {
    const id = ids.length > 0 && random.chance(0.5) ? random.pick(ids) : `id-${random.below(1e9)}`
    ids.push(id)
    return Buffer.from(
      JSON.stringify(
        {
          event_id: id,
          user_id: 'u',
          campaign_id: `c${random.below(4)}`,
          event_type: random.pick(['impression', 'click', 'conversion']),
          timestamp: `2026-11-22T0${random.below(10)}:0${random.below(10)}:00Z`,
          revenue: random.below(1000) / 100,
        },
        null,
        random.pick([0, 0, 1]),
      ),
    )
  }
  const event = Buffer.from(randomEvent(random), 'latin1')
  if (event.length === 0 || random.chance(0.8)) return event
  event[random.below(event.length)] = random.pick([0x0a, 0x0d, 0x22, 0x5c, 0x00])
  return event
}

/** As the broker keeps it: with the offset and the time that it has given. */
function batchOf(
  random: Random,
  values: readonly (Buffer | undefined)[],
  offset: number,
  arrivalMs: number,
  kind: 'plain' | 'aborted' | 'marker',
): Buffer {
  const messages = values.map((value) => ({
    topic: 't',
    ...(kind === 'marker'
      ? { key: Buffer.alloc(4) }
      : random.chance(0.3)
        ? {}
        : { key: Buffer.from('key') }),
    value: value as Buffer, // null is a tombstone, which the type does not know
    timestamp: BigInt(arrivalMs - random.below(1e6)),
    ...(random.chance(0.2) ? { headers: new Map([[Buffer.from('h'), Buffer.from('\nv')]]) } : {}),
  }))
  const bytes = createRecordsBatch(messages, {
    compression: kind === 'marker' ? 'none' : random.pick(CODECS),
    ...(kind === 'plain' ? {} : { producerId: ABORTED_PRODUCER, transactionalId: 'x' }),
  } as Parameters<typeof createRecordsBatch>[1]).buffer
  bytes.writeBigInt64BE(BigInt(offset), 0)
  const attributes = bytes.readInt16BE(21) | LOG_APPEND_TIME_BIT
  bytes.writeInt16BE(kind === 'marker' ? attributes | CONTROL_BITS : attributes, 21)
  bytes.writeBigInt64BE(BigInt(arrivalMs), 35)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}
