/**
 * One broker for a test file, and topics on it: made as `setup` makes them, written past the
 * collector, read back.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Admin,
  type CompressionAlgorithmValue,
  Connection,
  createPartitionsV3,
  Producer,
} from '@platformatic/kafka'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { openStack, type Stack } from '../../../deploy/stack/stack.ts'
import { brokerAddress } from '../../../src/log/kafka/connections.ts'
import { openKafkaReader } from '../../../src/log/kafka/kafka-reader.ts'
import { newPassedOverMemory, openPassedOver } from '../../../src/log/kafka/passed-over.ts'
import { type EventLog, type KafkaPlace, openKafkaLog, setUpTopic } from '../../../src/log.ts'

const QUIET_MS = 3_000

export type Broker = Readonly<{
  stack: Stack
  /** Of a topic that may not be there yet. */
  place(topic: string, more?: Partial<KafkaPlace>): KafkaPlace
  /** Makes the topic. */
  topic(topic: string, more?: Partial<KafkaPlace>): Promise<KafkaPlace>
  /** Once more, as a broker that was killed starts. */
  restart(): Promise<void>
  close(): Promise<void>
}>

export async function openBroker(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'kafka-log-'))
  const stack = await openStack({ services: ['kafka'], folder, portBase: await findPortBase() })
  const place = (topic: string, more: Partial<KafkaPlace> = {}): KafkaPlace => ({
    kind: 'kafka',
    brokers: [stack.address('kafka')],
    topic,
    partitions: 3,
    replication: 1,
    tls: null,
    sasl: null,
    ...more,
  })
  return {
    stack,
    place,
    async topic(topic, more) {
      const made = place(topic, more)
      await setUpTopic(made, 'make')
      return made
    },
    restart: () => stack.start('kafka'),
    async close() {
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function openLogAt(place: KafkaPlace): Promise<EventLog> {
  return openKafkaLog(place, {
    nowUs: () => Date.now() * 1000,
    steadyMs: () => performance.now(),
  })
}

export type ReadLine = Readonly<{ text: string; partition: number; offset: number; ms: number }>

export type ReadBack = Readonly<{
  lines: readonly ReadLine[]
  /** Behind the last line. */
  offsets: readonly number[]
  /** Offsets that stand for no line. */
  passedOver: number
}>

/** Everything that the topic holds, from offsets or the earliest on, as the job reads it. */
export async function readBack(place: KafkaPlace, from?: readonly number[]): Promise<ReadBack> {
  const cursor = newPassedOverMemory()
  const reader = await openKafkaReader(place, {
    cursor,
    steadyMs: () => performance.now(),
    onStalled: () => {},
  })
  try {
    let offsets = from ?? reader.extent().partitions?.map(({ start }) => start) ?? []
    reader.begin({ nextOffset: 0, offsets })
    const lines: ReadLine[] = []
    for (;;) {
      const frame = await reader.next(lines.length, reader.end() > lines.length ? QUIET_MS : 500)
      if (frame === null) break
      const texts = Buffer.from(frame.bytes).toString('utf8').split('\n').slice(0, -1)
      if (texts.length !== frame.count) throw new Error(`${texts.length} lines, not ${frame.count}`)
      for (const [line, text] of texts.entries()) {
        const at = frame.origin?.placeOf(line)
        if (at === undefined) throw new Error('a line of a topic has a place')
        lines.push({ text, ...at, ms: frame.arrivalUs / 1000 })
      }
      offsets = frame.origin?.offsets ?? offsets
    }
    return { lines, offsets, passedOver: openPassedOver(cursor).get() }
  } finally {
    await reader.close()
  }
}

/** Another program's producer. */
export async function produceFromOutside(
  place: KafkaPlace,
  values: readonly (string | Buffer | null)[],
  compression: CompressionAlgorithmValue = 'none',
): Promise<void> {
  const producer = openOutsideProducer(place)
  try {
    const messages = values.map((value, at) => ({
      topic: place.topic,
      key: Buffer.from(`outside-${at}`),
      // A missing value is a tombstone, which the type does not know.
      value: (value === null ? null : Buffer.from(value)) as Buffer,
    }))
    await producer.send({ messages, compression, acks: -1 })
  } finally {
    await producer.close()
  }
}

/** Idempotent: what is sent again to a partition of a young topic must not stand there twice. */
export function openOutsideProducer(
  place: KafkaPlace,
  more: Readonly<{ transactionalId?: string; timeout?: number }> = {},
): Producer {
  const bootstrapBrokers = [...place.brokers]
  return new Producer({ clientId: 'outside', bootstrapBrokers, idempotent: true, ...more })
}

export function openAdmin(place: KafkaPlace): Admin {
  return new Admin({ clientId: 'outside-admin', bootstrapBrokers: [...place.brokers] })
}

/** The client's own call cannot leave the choice of brokers to Kafka. */
export async function addPartitions(
  { brokers, topic: name }: KafkaPlace,
  count: number,
): Promise<void> {
  const { host, port } = brokerAddress(brokers[0] ?? '')
  const connection = new Connection('outside')
  await connection.connect(host, port)
  const topic = { name, count, assignments: null as unknown as [] }
  await createPartitionsV3.api.async(connection, [topic], 5_000, false)
  await connection.close()
}

export async function deleteTopic(place: KafkaPlace): Promise<void> {
  const admin = openAdmin(place)
  try {
    await admin.deleteTopics({ topics: [place.topic] })
  } finally {
    await admin.close()
  }
}
