/** When a transaction of another producer is said to hold readers up, and what is said of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BlockedPartition,
  type TransactionOwner,
  watchOpenTransactions,
} from '../../../src/log/kafka/open-transactions.ts'

/** 2026-11-28T10:00:00Z, by `date -u -d`. */
const START_MS = 1_795_860_000_000

const OWNER: TransactionOwner = {
  producerId: '4711',
  transactionalId: 'billing-7',
  startedMs: START_MS - 5_000,
  lastWriteMs: START_MS - 4_000,
}

function watched(owner: TransactionOwner | null | Error = OWNER) {
  const clock = { ms: 0 }
  const asked: BlockedPartition[] = []
  const transactions = watchOpenTransactions({
    topic: 'events',
    brokers: ['kafka:9092'],
    nowMs: () => START_MS + clock.ms,
    steadyMs: () => clock.ms,
    async ask(held) {
      asked.push(held)
      if (owner instanceof Error) throw owner
      return owner
    },
  })
  return { clock, asked, transactions }
}

test('a minute stuck before the end is reported with place, producer and since when', async () => {
  const { clock, asked, transactions } = watched()
  for (clock.ms = 0; clock.ms < 60_000; clock.ms += 1_000) {
    await transactions.update([10, 5_121], [10, 120])
    assert.equal(transactions.problem(), null, `after ${clock.ms} ms`)
  }
  await transactions.update([10, 5_121], [10, 120])
  assert.deepEqual(
    asked.map(({ partition, offset, records }) => [partition, offset, records]),
    [[1, 120, 5_001]],
  )
  const said = transactions.problem() ?? ''
  for (const part of [
    'partition 1 of events, at offset 120',
    'the 5001 records',
    'producer 4711 (transactional id "billing-7")',
    'since 2026-11-28T09:59:55.000Z',
    'abort --topic events --partition 1 --start-offset 120',
  ]) {
    assert.ok(said.includes(part), `${part}: ${said}`)
  }
  await transactions.update([10, 5_122], [10, 5_122])
  assert.equal(transactions.problem(), null)
})

test('transactions in a row hold nobody up, however long there is always one open', async () => {
  const { clock, transactions } = watched()
  for (clock.ms = 0; clock.ms < 300_000; clock.ms += 30_000) {
    await transactions.update([clock.ms + 20], [clock.ms + 10])
    assert.equal(transactions.problem(), null)
  }
})

test('where brokers do not tell the producer, place and first sighting are reported', async () => {
  for (const owner of [null, new Error('not allowed')]) {
    const { clock, transactions } = watched(owner)
    await transactions.update([9], [7])
    clock.ms = 60_000
    await transactions.update([9], [7])
    assert.match(
      transactions.problem() ?? '',
      new RegExp(
        'another producer has been open since 2026-11-28T10:00:00\\.000Z ' +
          'in partition 0 of events, at offset 7',
      ),
    )
  }
})
