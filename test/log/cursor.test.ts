/** Waiting for the log's end to move, whose waits cannot be cancelled. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndWaiter, newCursorMemory, openCursor } from '../../src/log/cursor.ts'

const LONG_MS = 600_000

test('waits that end in time leave one behind, however many they were', async () => {
  const memory = newCursorMemory()
  const waiter = new EndWaiter(openCursor(memory))
  for (let wait = 0; wait < 5; wait += 1) await waiter.wait(0, 0)
  // Slot 0 is the end.
  assert.equal(Atomics.notify(new BigInt64Array(memory), 0), 1)
})

test('a wait is not ended by the news that an earlier wait was for', async () => {
  const cursor = openCursor(newCursorMemory())
  const waiter = new EndWaiter(cursor)
  await waiter.wait(0, 0)
  const newsOfOne = cursor.changed(0)
  cursor.publishEnd(1)
  let isOver = false
  const second = waiter.wait(1, LONG_MS).then(() => {
    isOver = true
  })
  await newsOfOne
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isOver, false)
  cursor.publishEnd(2)
  await second
})
