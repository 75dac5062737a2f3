import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type StateFacts, stateNotice } from '../../src/flink/state-outlook.ts'

/** 5,000 events/s for twice one hour: 36 million ids. */
const FACTS: StateFacts = {
  eventsPerSecond: 5_000,
  horizonMs: 3_600_000,
  backend: 'rocksdb',
  parallelism: 2,
  memory: { heapBytes: 1.2e9, managedBytesPerSlot: 1.074e9 },
}

test('what fits is not mentioned: 36 million ids of 29 bytes in two slots of 1 GB', () => {
  assert.equal(stateNotice(FACTS), null)
})

test('in one slot of 92 MB they do not fit: told with when, and what to do', () => {
  const memory = { ...FACTS.memory, managedBytesPerSlot: 92e6 }
  const notice = stateNotice({ ...FACTS, parallelism: 1, memory }) ?? ''
  assert.match(notice, /5,000 events\/s .* remember 36.0 million event ids/)
  // 92 MB / 29 bytes = 3.2 million, at 5,000 a second.
  assert.match(notice, /managed memory .* of 0.1 GB suffices for 3.2 million: reached 11 minutes/)
  assert.match(notice, /Raise taskmanager.memory.managed.size/)
})

test('hashmap holds three million in 1.2 GB of heap', () => {
  const fits = { ...FACTS, backend: 'hashmap', eventsPerSecond: 400 } as const
  assert.equal(stateNotice(fits), null)
  const notice = stateNotice({ ...fits, eventsPerSecond: 500 }) ?? ''
  assert.match(notice, /3.6 million event ids .* 1.2 GB suffices for 3.0 million: reached 100 min/)
  assert.match(notice, /Set flink.stateBackend: rocksdb/)
})

test('without a task manager nothing is claimed', () => {
  const memory = { heapBytes: 0, managedBytesPerSlot: 0 }
  assert.equal(stateNotice({ ...FACTS, memory }), null)
})
