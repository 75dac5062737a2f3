/**
 * Transactions of other producers that stay open. A reader of committed records waits at the first
 * record of the oldest one. Everything after it in its partition is durable and in no table until
 * the producer ends it; a hanging transaction, which its coordinator has forgotten, never ends.
 *
 *   offset    118        120                                     5121
 *              │ taken    │ first record of an open transaction   │ end
 *                         └─ last stable offset: readers wait here
 *
 * It is reported once the partition has been blocked for a minute. The brokers are then asked for
 * the transaction's producer; where they do not tell (rights, an older or another broker), only the
 * place is reported.
 */
import {
  type Connection,
  describeProducersV0,
  describeTransactionsV0,
  listTransactionsV0,
} from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'

/** A partition in which an open transaction blocks readers. */
export type BlockedPartition = Readonly<{
  partition: number
  /** Where readers wait. */
  offset: number
  /** Records from there to the end. */
  records: number
}>

/** What the brokers know of a transaction; null for what they do not tell. */
export type TransactionOwner = Readonly<{
  producerId: string
  transactionalId: string | null
  startedMs: number | null
  lastWriteMs: number | null
}>

type OpenTransactions = Readonly<{
  /**
   * `ends` and readable ends by partition. Asks the brokers when there is something to report.
   * Never rejects.
   */
  update(ends: readonly number[], readable: readonly number[]): Promise<void>
  /** One sentence while a transaction has blocked readers for more than a minute; else null. */
  problem(): string | null
}>

type OpenTransactionsParts = Readonly<{
  topic: string
  brokers: readonly string[]
  nowMs: () => number
  /** A clock that never steps back. */
  steadyMs: () => number
  ask: (blocked: BlockedPartition) => Promise<TransactionOwner | null>
}>

/** Transactions are open for moments; one that stays open longer is a problem. */
const BLOCKED_MS_MAX = 60_000
const ASK_INTERVAL_MS = 10_000

type Waiting = BlockedPartition & Readonly<{ sinceMs: number; noticedMs: number }>

export function watchOpenTransactions(parts: OpenTransactionsParts): OpenTransactions {
  const { steadyMs, nowMs, ask } = parts
  const waiting = new Map<number, Waiting>()
  let owner: Readonly<{ partition: number; owner: TransactionOwner | null }> | null = null
  let askedMs = Number.NEGATIVE_INFINITY

  /** Those blocked for too long, the longest first. */
  function blocked(): readonly Waiting[] {
    return [...waiting.values()]
      .filter(({ sinceMs }) => steadyMs() - sinceMs >= BLOCKED_MS_MAX)
      .sort((a, b) => a.sinceMs - b.sinceMs)
  }

  return {
    async update(ends, readable) {
      for (const [partition, end] of ends.entries()) {
        const offset = readable[partition] ?? end
        const known = waiting.get(partition)
        if (offset >= end) waiting.delete(partition)
        else {
          const since =
            known?.offset === offset ? known : { sinceMs: steadyMs(), noticedMs: nowMs() }
          const { sinceMs, noticedMs } = since
          waiting.set(partition, { partition, offset, records: end - offset, sinceMs, noticedMs })
        }
      }
      const [longest] = blocked()
      if (longest === undefined) owner = null
      if (longest === undefined || steadyMs() - askedMs < ASK_INTERVAL_MS) return
      askedMs = steadyMs()
      owner = { partition: longest.partition, owner: await ask(longest).catch(() => null) }
    },
    problem() {
      const [longest, ...others] = blocked()
      if (longest === undefined) return null
      const known = owner?.partition === longest.partition ? owner.owner : null
      return sentence(parts, longest, others.length, known)
    },
  }
}

function sentence(
  { topic, brokers }: OpenTransactionsParts,
  { partition, offset, records, noticedMs }: Waiting,
  others: number,
  owner: TransactionOwner | null,
): string {
  const since = new Date(owner?.startedMs ?? owner?.lastWriteMs ?? noticedMs).toISOString()
  const name = owner?.transactionalId ?? null
  const named = name === null ? '' : ` (transactional id ${JSON.stringify(name)})`
  const whose = owner === null ? 'another producer' : `producer ${owner.producerId}${named}`
  const more = others === 0 ? '' : ` (and in ${others} more of its partitions)`
  return (
    `kafka: a transaction of ${whose} has been open since ${since} in partition ${partition} of ` +
    `${topic}${more}, at offset ${offset}: the ${records} records from there on are durable, and ` +
    'cannot be read before it ends. Let its producer end it; or abort it: kafka-transactions.sh ' +
    `--bootstrap-server ${brokers[0] ?? ''} abort --topic ${topic} --partition ${partition} ` +
    `--start-offset ${offset}`
  )
}

/**
 * Asks the leader of the partition for the producer of the transaction that begins there, and the
 * coordinators for its name.
 */
export async function askTransactionOwner(
  cluster: Cluster,
  { partition, offset }: BlockedPartition,
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

/** The coordinator of a transaction is one of the brokers; none knows a hanging one. */
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
