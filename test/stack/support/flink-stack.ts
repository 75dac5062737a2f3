/**
 * Flink with all that its job needs, and jobs on it: each with a topic, tables and a folder of
 * rejected records of its own.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Producer } from '@platformatic/kafka'
import { consumerGroups } from '../../../src/flink/job/job-sql.ts'
import { openCountedNote } from '../../../src/flink/supervision/counted-offsets.ts'
import { openTopicWatch } from '../../../src/flink/supervision/topic-watch.ts'
import {
  type FlinkCommit,
  type FlinkJob,
  type FlinkJobOptions,
  flinkCommitIn,
  openCheckpointNote,
  openCluster,
  openFlinkJob,
  openRejectedMover,
  openStateNote,
  type StateNote,
} from '../../../src/flink.ts'
import { type KafkaPlace, openRecordSource, setUpTopic } from '../../../src/log.ts'
import type { Cell } from '../../../src/query.ts'
import { listRejected, openRejected } from '../../../src/rejected.ts'
import { openLake, readLake } from '../../../src/table.ts'
import { queryRows } from '../../support/query-results.ts'
import { type LakeServices, openLakeServices, type RemotePlaces } from './lake-services.ts'

export type FlinkStack = Readonly<{
  services: LakeServices
  /** A topic and empty tables; nothing is submitted. */
  place(partitions?: number): Promise<FlinkPlace>
  /** Ends a job: the machine is small. */
  cancel(jobId: string): Promise<void>
  close(): Promise<void>
}>

export type JobOverrides = Readonly<{
  parallelism?: number
  stateBackend?: FlinkJobOptions['stateBackend']
  watermarkDelayMs?: number
  dedupeHorizonMs?: number
  retention?: FlinkJobOptions['retention']
  seenFile?: string
  tell?: (message: string) => void
}>

export type FlinkPlace = Readonly<{
  topic: KafkaPlace
  lake: RemotePlaces
  rejectedDirectory: string
  seenFile: string
  /** What the tables note of the job's state. */
  state: StateNote
  /** As one program opens it; several may. */
  openJob(more?: JobOverrides): FlinkJob
  send(values: readonly (string | Uint8Array | null)[], partition?: number): Promise<void>
  commits(): Promise<readonly FlinkCommit[]>
  /** Rows that the raw table holds. */
  stored(): Promise<number>
  query(sql: string): Promise<readonly (readonly Cell[])[]>
  /** Resolves once the raw table holds so many rows. */
  awaitStored(rows: number): Promise<void>
  /** Why records of a topic with one partition were rejected, by offset, once so many are kept. */
  awaitRejected(records: number): Promise<ReadonlyMap<number, string>>
}>

const WINDOW_US = 300_000_000
/** Without a new row. */
const STANDSTILL_MS_MAX = 180_000

export async function openFlinkStack(more: readonly string[] = []): Promise<FlinkStack> {
  const flink = ['kafka', 'jobmanager', 'taskmanager', 'sql-gateway']
  const services = await openLakeServices([...flink, ...more])
  return {
    services,
    place: (partitions = 1) => openPlace(services, partitions),
    async cancel(jobId) {
      const cluster = openCluster(`http://${services.stack.address('jobmanager', 8081)}`)
      await cluster.cancel(jobId)
      await cluster.awaitEnd(jobId)
    },
    close: () => services.close(),
  }
}

async function openPlace(services: LakeServices, partitions: number): Promise<FlinkPlace> {
  const { stack } = services
  const name = `events-${randomUUID().slice(0, 8)}`
  const topic: KafkaPlace = {
    kind: 'kafka',
    brokers: [stack.address('kafka')],
    topic: name,
    partitions,
    replication: 1,
    tls: null,
    sasl: null,
  }
  await setUpTopic(topic, 'make')
  const lake = await services.places()
  const made = await openLake({ ...lake, windowUs: WINDOW_US, writer: 'flink', nowUs })
  await made.close()
  const base = stack.path('taskmanager', '/var/lib/campaign-metrics/flink-rejected')
  const rejectedDirectory = join(base, name)
  await mkdir(rejectedDirectory, { recursive: true })
  const seenFile = join(services.folder, 'seen', `${name}.json`)
  const withState = async <T>(ask: (note: StateNote) => Promise<T>): Promise<T> => {
    const opened = await openLake({ ...lake, windowUs: WINDOW_US, writer: 'flink', nowUs })
    try {
      return await ask(openStateNote(opened, () => Date.now()))
    } finally {
      await opened.close()
    }
  }
  const state: StateNote = {
    read: () => withState((note) => note.read()),
    write: (mark) => withState((note) => note.write(mark)),
  }
  const commits = async (): Promise<readonly FlinkCommit[]> => {
    const { events, metrics } = await readLake(lake)
    return [events, metrics].flatMap(({ history }) => {
      const found = history.map(({ summary }) => flinkCommitIn(summary)).find((one) => one !== null)
      return found === undefined || found === null ? [] : [found]
    })
  }
  const stored = async (): Promise<number> => {
    const { events } = await readLake(lake)
    return Number(events.summary['total-records'] ?? 0)
  }
  return {
    topic,
    lake,
    awaitRejected: (records) => awaitRejected(topic, rejectedDirectory, records),
    rejectedDirectory,
    seenFile,
    state,
    commits,
    stored,
    openJob: ({ seenFile: file = seenFile, ...more } = {}) =>
      openFlinkJob({
        kafka: topic,
        warehouse: lake.warehouse,
        catalog: lake.catalog,
        parallelism: 1,
        checkpointIntervalMs: 2_000,
        watermarkDelayMs: 1_000,
        idleTimeoutMs: 2_000,
        dedupeHorizonMs: 3_600_000,
        retention: { days: 0, sinceUs: 0, keptFromUs: 0 },
        windowUs: WINDOW_US,
        stateBackend: 'rocksdb',
        rejectedDirectory,
        gateway: `http://${stack.address('sql-gateway', 8083)}`,
        rest: `http://${stack.address('jobmanager', 8081)}`,
        readTables: async () => ({ commits: await commits(), rows: await stored(), rebuilt: null }),
        state,
        note: openCheckpointNote(file),
        withLock: lockOf(name),
        topic: openTopicWatch({
          topic,
          groups: consumerGroups({ kafka: topic }),
          note: openCountedNote(rejectedDirectory, topic.topic),
          steadyMs: () => performance.now(),
        }),
        passGaps: false,
        rebuildState: false,
        whyNotRebuilt: async () => null,
        rebuild: () => assert.fail('nothing is rebuilt here'),
        whyForgotten: async () => null,
        nowMs: () => Date.now(),
        pollMs: 1_000,
        ...more,
      }),
    send: (values, partition) => send(topic, values, partition),
    query: (sql) => queryRows(lake, sql),
    async awaitStored(rows) {
      let held = -1
      let until = 0
      for (;;) {
        const now = await stored()
        if (now >= rows) return
        if (now > held) until = performance.now() + STANDSTILL_MS_MAX
        held = now
        if (performance.now() > until) throw new Error(`${held} of ${rows} rows stored`)
        await sleep(500)
      }
    },
  }
}

/** Moves them as `start` does. */
async function awaitRejected(
  topic: KafkaPlace,
  from: string,
  records: number,
): Promise<ReadonlyMap<number, string>> {
  const directory = `${from}-kept`
  const store = await openRejected({ directory, source: 'job', bytesMax: 2 ** 24, nowUs })
  const source = await openRecordSource(topic)
  try {
    const mover = openRejectedMover({ from, directory, store, readRecord: source.read })
    const until = performance.now() + STANDSTILL_MS_MAX
    while (store.stats().total < records && performance.now() < until) {
      await mover.move()
      await sleep(500)
    }
  } finally {
    await source.close()
    await store.close()
  }
  const reasons = new Map<number, string>()
  for await (const { offset, reason } of listRejected(directory)) reasons.set(offset ?? -1, reason)
  return reasons
}

/** As PostgreSQL's advisory lock: one holder, others turn away. */
const held = new Set<string>()
function lockOf(name: string) {
  return async <T>(work: () => Promise<T | null>): Promise<T | null> => {
    if (held.has(name)) return null
    held.add(name)
    try {
      return await work()
    } finally {
      held.delete(name)
    }
  }
}

async function send(
  { brokers, topic }: KafkaPlace,
  values: readonly (string | Uint8Array | null)[],
  partition?: number,
): Promise<void> {
  const bootstrapBrokers = [...brokers]
  const producer = new Producer({ clientId: 'flink-test', bootstrapBrokers, idempotent: true })
  try {
    for (let from = 0; from < values.length; from += 2_000) {
      const messages = values.slice(from, from + 2_000).map((value) => ({
        topic,
        key: Buffer.from(keyOf(value)),
        // A missing value is a tombstone, which the type does not know.
        value: (value === null ? null : Buffer.from(value)) as Buffer,
        ...(partition === undefined ? {} : { partition }),
      }))
      await producer.send({ messages, acks: -1 })
    }
  } finally {
    await producer.close()
  }
}

/** The event's id, as the collector has it. */
function keyOf(value: string | Uint8Array | null): string {
  return /"event_id":"([^"]*)"/.exec(String(value ?? ''))?.[1] ?? 'none'
}

const nowUs = (): number => Date.now() * 1000
