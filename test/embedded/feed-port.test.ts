/** The feed by a clock that the test moves: when what is pending is told, and to whom. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { openFeed } from '../../src/embedded/feed.ts'
import type { FeedMessage } from '../../src/job.ts'

const WINDOW = {
  ...{ campaignId: 'c', windowStartUs: 0, impressions: 1, clicks: 0, conversions: 0 },
  revenueMillionths: 0n,
}

function openClockedFeed(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const clock = { nowMs: 0 }
  const feed = openFeed({
    tables: () => ({ nextOffset: 5, events: [], metrics: [], othersRows: 0 }),
    batch: { windows: 1, peekWindows: () => [WINDOW] },
    steadyMs: () => clock.nowMs,
  })
  t.after(() => feed.close())
  const pass = (ms: number): void => {
    clock.nowMs += ms
    t.mock.timers.tick(ms)
  }
  return { feed, pass }
}

test('what is pending is told a quarter of a second after the last time', async (t) => {
  const { feed, pass } = openClockedFeed(t)
  const { port1, port2 } = new MessageChannel()
  const messages: FeedMessage[] = []
  port2.on('message', (message: FeedMessage) => messages.push(message))
  feed.attach(port1)
  feed.took(7)
  pass(249)
  feed.took(8)
  pass(1)
  feed.took(9)
  pass(249)
  feed.close()
  await once(port2, 'close')
  const told = messages.map((message) =>
    message.kind === 'pending' ? [message.baseOffset, message.arrivedUs] : message.kind,
  )
  assert.deepEqual(told, ['files', [5, 0], [5, 8]])
})

test('a reader that comes after the end is let go at once', async (t) => {
  const { feed } = openClockedFeed(t)
  feed.close()
  const { port1, port2 } = new MessageChannel()
  let heard = 0
  port2.on('message', () => heard++)
  feed.attach(port1)
  await once(port2, 'close')
  assert.equal(heard, 0)
})
