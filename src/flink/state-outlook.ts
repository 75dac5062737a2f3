/**
 * Whether the event ids that the traffic brings will fit into what the cluster has for them: told
 * while the state still fills, which takes two horizons.
 */
import type { FlinkConfig, KafkaLog } from '../config.ts'
import { countArrived } from '../log.ts'
import { type ClusterMemory, openCluster } from './cluster/cluster.ts'
import { REMEMBERED_HORIZONS } from './job/job-settings.ts'

export type OutlookSettings = Readonly<{
  flink: Pick<FlinkConfig, 'rest' | 'parallelism' | 'stateBackend'>
  log: KafkaLog
  dedupe: Readonly<{ horizonMs: number }>
}>

export type StateFacts = Readonly<{
  eventsPerSecond: number
  horizonMs: number
  backend: FlinkConfig['stateBackend']
  parallelism: number
  memory: ClusterMemory
}>

/** Measured: docs/decisions/flink-dedupe.md. */
const ID_BYTES = { hashmap: 400, rocksdb: 29 } as const
/** Traffic is measured over so long. */
const MEASURED_MS = 600_000
const MS_PER_MINUTE = 60_000

/** Throws FlinkError or LogError where Flink or Kafka do not answer. */
export async function readStateNotice(
  { flink, log, dedupe }: OutlookSettings,
  nowMs: number,
): Promise<string | null> {
  const [arrived, memory] = await Promise.all([
    countArrived(log, nowMs - MEASURED_MS),
    openCluster(flink.rest).readMemory(),
  ])
  return stateNotice({
    eventsPerSecond: (arrived * 1000) / MEASURED_MS,
    horizonMs: dedupe.horizonMs,
    backend: flink.stateBackend,
    parallelism: flink.parallelism,
    memory,
  })
}

/** What will not fit, and what to do; null where all does, or no task manager is there to tell. */
export function stateNotice(facts: StateFacts): string | null {
  const { eventsPerSecond, horizonMs, backend } = facts
  const room = roomOf(facts)
  const ids = (eventsPerSecond * REMEMBERED_HORIZONS * horizonMs) / 1000
  const idsMax = room / ID_BYTES[backend]
  if (room === 0 || ids <= idsMax) return null
  const minutes = Math.max(1, Math.round((idsMax / eventsPerSecond) * (1000 / MS_PER_MINUTE)))
  return (
    `at the ${Math.round(eventsPerSecond).toLocaleString('en')} events/s of the last ten minutes ` +
    `Flink comes to remember ${millions(ids)} event ids (twice dedupe.horizon), and ` +
    `${PLACE[backend]} of ${gigabytes(room)} suffices for ${millions(idsMax)}: reached ` +
    `${minutes} minutes after such traffic began. ${ADVICE[backend]}, or shorten dedupe.horizon`
  )
}

const PLACE = {
  hashmap: 'the heap of the task managers',
  rocksdb: "the managed memory of the job's slots",
} as const

const ADVICE = {
  hashmap: 'Beyond that, checkpoints fail and the job ends. Set flink.stateBackend: rocksdb',
  rocksdb:
    'Beyond that, more and more ids are looked up on the disk, and the job becomes slower. Raise ' +
    'taskmanager.memory.managed.size, or flink.parallelism with the slots for it',
} as const

/** Bytes that ids may take. */
function roomOf({ backend, parallelism, memory }: StateFacts): number {
  return backend === 'hashmap' ? memory.heapBytes : memory.managedBytesPerSlot * parallelism
}

function millions(count: number): string {
  return count < 1e6
    ? Math.round(count).toLocaleString('en')
    : `${(count / 1e6).toFixed(1)} million`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
