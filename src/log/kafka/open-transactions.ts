/**
 * Transactions of other producers that stay open. A reader of committed records waits at the first
 * record of the oldest one, so that everything behind it in its partition is durable and in no
 * table, for as long as the producer likes; where the transaction hangs (its coordinator has
 * forgotten it), for ever.
 *
 *   offset    118        120                                     5121
 *              │ taken    │ first record of an open transaction   │ end
 *                         └─ last stable offset: readers wait here
 *
 * It is said once it has stood still for a minute. Whose transaction it is, the brokers are asked
 * then; where they do not tell (rights, an older or another broker) the place alone is said.
 */
import {
  type Connection,
  describeProducersV0,
  describeTransactionsV0,
  listTransactionsV0,
} from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'

/** A partition in which an open transaction holds readers up. */
export type HeldPartition = Readonly<{
  partition: number
  /** Where readers wait. */
  offset: number
  /** Records from there to the end. */
  records: number
}>

/** What the brokers tell of a transaction; null for what they do not. */
export type TransactionOwner = Readonly<{
  producerId: string
  transactionalId: string | null
  startedMs: number | null
  lastWriteMs: number | null
}>

export type OpenTransactions = Readonly<{
  /**
   * Ends, and ends that can be read, by partition. Asks the brokers when there is something to say.
   * Never rejects.
   */
  look(ends: readonly number[], readable: readonly number[]): Promise<void>
  /** One sentence while a transaction holds readers up for longer than a minute; else null. */
  problem(): string | null
}>

export type OpenTransactionsParts = Readonly<{
  topic: string
  brokers: readonly string[]
  nowMs: () => number
  /** A clock that never steps back. */
  steadyMs: () => number
  ask: (held: HeldPartition) => Promise<TransactionOwner | null>
}>

/** Transactions are open for moments; one that takes longer holds everybody up. */
const HELD_MS_MAX = 60_000
const ASK_INTERVAL_MS = 10_000

type Standing = HeldPartition & Readonly<{ sinceMs: number; seenMs: number }>

export function watchOpenTransactions(parts: OpenTransactionsParts): OpenTransactions {
  const { steadyMs, nowMs, ask } = parts
  const standing = new Map<number, Standing>()
  let owner: Readonly<{ partition: number; owner: TransactionOwner | null }> | null = null
  let askedMs = Number.NEGATIVE_INFINITY

  /** Those that have stood still for too long, the longest first. */
  function held(): readonly Standing[] {
    return [...standing.values()]
      .filter(({ sinceMs }) => steadyMs() - sinceMs >= HELD_MS_MAX)
      .sort((a, b) => a.sinceMs - b.sinceMs)
  }

  return {
    async look(ends, readable) {
      for (const [partition, end] of ends.entries()) {
        const offset = readable[partition] ?? end
        const known = standing.get(partition)
        if (offset >= end) standing.delete(partition)
        else {
          const since = known?.offset === offset ? known : { sinceMs: steadyMs(), seenMs: nowMs() }
          const { sinceMs, seenMs } = since
          standing.set(partition, { partition, offset, records: end - offset, sinceMs, seenMs })
        }
      }
      const [longest] = held()
      if (longest === undefined) owner = null
      if (longest === undefined || steadyMs() - askedMs < ASK_INTERVAL_MS) return
      askedMs = steadyMs()
      owner = { partition: longest.partition, owner: await ask(longest).catch(() => null) }
    },
    problem() {
      const [longest, ...others] = held()
      if (longest === undefined) return null
      const known = owner?.partition === longest.partition ? owner.owner : null
      return sentence(parts, longest, others.length, known)
    },
  }
}

function sentence(
  { topic, brokers }: OpenTransactionsParts,
  { partition, offset, records, seenMs }: Standing,
  others: number,
  owner: TransactionOwner | null,
): string {
  const since = new Date(owner?.startedMs ?? owner?.lastWriteMs ?? seenMs).toISOString()
  const whose =
    owner === null
      ? 'another producer'
      : `producer ${owner.producerId}${owner.transactionalId === null ? '' : ` (transactional id ${JSON.stringify(owner.transactionalId)})`}`
  const more = others === 0 ? '' : ` (and in ${others} more of its partitions)`
  return (
    `kafka: a transaction of ${whose} has been open since ${since} in partition ${partition} of ` +
    `${topic}${more}, at offset ${offset}: ` +
    `the ${records} records from there on are durable, and cannot be read before it ends. Let ` +
    'its producer end it; or abort it: ' +
    `kafka-transactions.sh --bootstrap-server ${brokers[0] ?? ''} abort --topic ${topic} ` +
    `--partition ${partition} --start-offset ${offset}`
  )
}

/**
 * Asks the leader of the partition whose transaction begins there, and the coordinators what it is
 * called.
 */
export async function askTransactionOwner(
  cluster: Cluster,
  { partition, offset }: HeldPartition,
): Promise<TransactionOwner | null> {
  const leader = await cluster.to(cluster.view().topic?.leaders[partition] ?? -1)
  const topic = { name: cluster.place.topic, partitionIndexes: [partition] }
  const answer = await describeProducersV0.api.async(leader, [topic])
  const producers = answer.topics[0]?.partitions[0]?.activeProducers ?? []
  const found = producers.find((one) => Number(one.currentTxnStartOffset) === offset)
  if (found === undefined) return null
  const lastWriteMs = found.lastTimestamp < 0n ? null : Number(found.lastTimestamp)
  const named = await askName(cluster, found.producerId).catch(() => null)
  return {
    producerId: String(found.producerId),
    lastWriteMs,
    transactionalId: named?.transactionalId ?? null,
    startedMs: named?.startedMs ?? null,
  }
}

type Named = Pick<TransactionOwner, 'transactionalId' | 'startedMs'>

/** The coordinator of a transaction is one of the brokers; one that hangs is known to none. */
async function askName(cluster: Cluster, producerId: bigint): Promise<Named | null> {
  for (const node of cluster.view().brokers.keys()) {
    const connection = await cluster.to(node)
    const { transactionStates } = await listTransactionsV0.api.async(
      connection,
      [],
      [producerId],
      -1n,
      null,
    )
    const [found] = transactionStates
    if (found === undefined) continue
    const { transactionalId } = found
    return { transactionalId, startedMs: await askStart(connection, transactionalId) }
  }
  return null
}

async function askStart(connection: Connection, transactionalId: string): Promise<number | null> {
  const { transactionStates } = await describeTransactionsV0.api.async(connection, [
    transactionalId,
  ])
  const startMs = Number(transactionStates[0]?.transactionStartTimeMs ?? -1)
  return startMs < 0 ? null : startMs
}
