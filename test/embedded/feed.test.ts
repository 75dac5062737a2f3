/**
 * The feed's promise, at every message: files + later deltas + pending = everything taken. Over
 * tables in memory.
 */
import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { type Feed, openFeed } from '../../src/embedded/feed.ts'
import type { FeedMessage } from '../../src/job.ts'
import { openRandom } from '../support/random.ts'
import { type FeedJob, type FeedJobOptions, openFeedJob, START, WINDOW_US } from './feed-job.ts'
import { expectExact, type FeedReader, sumsText } from './feed-reader.ts'
import { openTraffic, type Part, type Traffic } from './feed-traffic.ts'

const NEVER_MS = 600_000
/** Longer than whatever a test does meanwhile takes on a busy machine. */
const HOLD_MS_MAX = 60_000
const MINUTE_US = 60_000_000

const nowUs = (): number => Date.now() * 1000

function openPlainTraffic(seed: number): Traffic {
  return openTraffic({ seed, windowUs: WINDOW_US, lateUsMax: 3 * 24 * 60 * MINUTE_US })
}

async function openJob(
  t: TestContext,
  commitIntervalMs = NEVER_MS,
  more: Partial<FeedJobOptions> = {},
): Promise<FeedJob> {
  const job = await openFeedJob({ commitIntervalMs, ...more })
  t.after(() => job.close())
  return job
}

/** One event in each window of the campaigns with these numbers, all at the same time. */
function windowsPart(arrivalUs: number, count: number, first = 0): Part {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      ...{ event_id: `w${first + i}`, user_id: 'u', campaign_id: `c${first + i}` },
      event_type: 'click',
      timestamp: new Date(arrivalUs / 1000).toISOString(),
    }),
  )
  return { lines: Buffer.from(`${lines.join('\n')}\n`), count, arrivalUs }
}

/**
 * Something that begins and then waits to be let go; not for ever, so that a test that fails ends.
 */
function openHold() {
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  return {
    begun: begun.promise,
    release: released.resolve,
    async act(): Promise<void> {
      begun.resolve()
      await Promise.race([released.promise, sleep(HOLD_MS_MAX, undefined, { ref: false })])
    },
  }
}

const kindsOf = ({ messages }: FeedReader): string => messages.map(({ kind }) => kind).join(' ')
const isPending = ({ kind }: FeedMessage): boolean => kind === 'pending'
const pendingOf = ({ messages }: FeedReader) =>
  messages.flatMap((message) => (message.kind === 'pending' ? [message] : []))
const clicksOf = (message: Extract<FeedMessage, { kind: 'pending' }> | undefined): number =>
  message?.deltas.reduce((sum, { clicks }) => sum + clicks, 0) ?? 0

test('whatever comes between, each message leaves its reader the first parts of the traffic', (t) =>
  expectFirstParts(t, {}))

test('so it does while rows of many days are committed in slices', (t) =>
  expectFirstParts(t, { commitDays: 2 }))

async function expectFirstParts(t: TestContext, more: Partial<FeedJobOptions>): Promise<void> {
  const seed = 20_261_122
  const random = openRandom(seed)
  const job = await openJob(t, 60, more)
  const traffic = openPlainTraffic(seed)
  const inSlices = more.commitDays !== undefined
  const expectation = { readRows: job.readRows, partsAt: traffic.partsAt, inSlices }
  const readers = [job.attach()]
  const wait = (): Promise<void> => sleep(random.below(25))
  job.weather.beforeLanding = wait
  job.weather.afterLanding = wait
  for (let step = 0; step < 500; step++) {
    if (random.chance(0.6)) job.push(traffic.part(nowUs()))
    if (random.chance(0.5)) await sleep(random.below(20))
    if (random.chance(0.08)) await job.moveFiles()
    if (random.chance(job.weather.diskFull ? 0.2 : 0.03))
      job.weather.diskFull = !job.weather.diskFull
    // At any moment of a commit; the reader before is left.
    if (random.chance(0.03)) readers.push(job.attach())
  }
  job.weather.diskFull = false
  await job.close()
  assert.ok(readers.length > 5)
  for (const { ended, messages } of readers) {
    await ended
    await expectExact(messages, expectation)
  }
  const last = readers.at(-1)?.messages ?? []
  const total = await expectExact(last, expectation)
  assert.equal(sumsText(total), sumsText(traffic.sums))
  const all = readers.flatMap(({ messages }) => messages.map(({ kind }) => kind))
  for (const kind of ['files', 'commit', 'pending'] as const) {
    const count = all.filter((each) => each === kind).length
    assert.ok(count >= 15, `${count} ${kind}`)
  }
}

/**
 * The feed alone, on a clock and timers in the test's hand: how long a busy machine takes says
 * nothing about the pace. One window waits from the start.
 */
function openPacedFeed(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  let nowMs = 0
  const pendingAtMs: number[] = []
  const port = {
    postMessage: ({ kind }: FeedMessage) => kind === 'pending' && pendingAtMs.push(nowMs),
    once() {},
    close() {},
  } as unknown as MessagePort // only what feed.ts calls
  let windows = 0
  const feed: Feed = openFeed({
    tables: () => ({ nextOffset: 0, events: [], metrics: [], othersRows: 0 }),
    batch: {
      get windows() {
        return windows
      },
      peekWindows: () => [],
    },
    steadyMs: () => nowMs,
  })
  feed.attach(port)
  return {
    pendingAtMs,
    took(): void {
      windows = 1
      feed.took(nowMs * 1000)
    },
    pass(ms: number): void {
      for (let passed = 0; passed < ms; passed++) {
        nowMs++
        mock.timers.tick(1)
      }
    },
  }
}

test('an event is pending at once, the next 0.25 s later though nothing else comes', (t) => {
  const { pendingAtMs, took, pass } = openPacedFeed(t)
  pass(1_000)
  took()
  pass(10)
  took()
  pass(2_000)
  assert.deepEqual(pendingAtMs, [1_001, 1_251], 'a timer of 0 ms is one of 1 ms')
})

test('in a stream of events pending comes four times a second', (t) => {
  const { pendingAtMs, took, pass } = openPacedFeed(t)
  for (let at = 0; at < 1_000; at++) {
    took()
    pass(10)
  }
  const apartMs = pendingAtMs.slice(1).map((ms, at) => ms - (pendingAtMs[at] ?? 0))
  // Events come every 10 ms, so one may be that late.
  assert.ok(apartMs.length >= 38 && apartMs.length <= 40, `${apartMs.length}`)
  for (const ms of apartMs) assert.ok(ms >= 250 && ms <= 260, `${ms} ms`)
})

test('an event is pending before any commit, and so is the next; then nothing is told', async (t) => {
  const job = await openJob(t)
  const traffic = openPlainTraffic(1)
  const reader = job.attach()
  job.push(traffic.part(nowUs()))
  await reader.until((messages) => messages.some(isPending))
  job.push(traffic.part(nowUs()))
  await reader.until((messages) => messages.filter(isPending).length === 2)
  await expectExact(reader.messages, { readRows: job.readRows, partsAt: traffic.partsAt })
  await sleep(600)
  assert.equal(kindsOf(reader), 'files pending pending', 'nothing changes, nothing is told')
})

test('a commit held up by a full disk stays pending, with all that comes after it', async (t) => {
  const job = await openJob(t, 20)
  const traffic = openPlainTraffic(3)
  job.weather.diskFull = true
  const reader = job.attach()
  job.push(traffic.part(nowUs()))
  await sleep(100)
  job.push(traffic.part(nowUs()))
  const isAll = (message: FeedMessage | undefined): boolean =>
    message?.kind === 'pending' && message.baseOffset === 0 && message.arrivedUs > 0
  await reader.until((messages) => isAll(messages.at(-1)) && messages.length === 3)
  assert.equal(kindsOf(reader), 'files pending pending')
  const held = await expectExact(reader.messages, {
    readRows: job.readRows,
    partsAt: traffic.partsAt,
  })
  assert.equal(sumsText(held), sumsText(traffic.sums))
  job.weather.diskFull = false
  await reader.until((messages) => {
    const last = messages.at(-1)
    return last?.kind === 'commit' && last.nextOffset === job.endOffset()
  })
  const total = await expectExact(reader.messages, {
    readRows: job.readRows,
    partsAt: traffic.partsAt,
  })
  assert.equal(sumsText(total), sumsText(traffic.sums))
})

test('a reader that joins before a landed commit is known does not hear it twice', async (t) => {
  const job = await openJob(t, 20)
  const traffic = openPlainTraffic(4)
  const hold = openHold()
  job.weather.afterLanding = hold.act
  job.push(traffic.part(nowUs()))
  await hold.begun
  const firstOffset = job.endOffset()
  const reader = job.attach()
  job.push(traffic.part(nowUs()))
  await reader.until((messages) => messages.some(isPending))
  job.weather.afterLanding = async () => {}
  hold.release()
  await reader.until((messages) => messages.at(-1)?.kind === 'commit')
  const offsets = reader.messages.flatMap((message) =>
    message.kind === 'pending' ? [] : [message.nextOffset],
  )
  assert.deepEqual(offsets, [firstOffset, job.endOffset()])
  const total = await expectExact(reader.messages, {
    readRows: job.readRows,
    partsAt: traffic.partsAt,
  })
  assert.equal(sumsText(total), sumsText(traffic.sums))
})

test('files that move before a landed commit is known are told with that commit', async (t) => {
  const job = await openJob(t, 20)
  const traffic = openPlainTraffic(5)
  const reader = job.attach()
  const hold = openHold()
  job.weather.afterLanding = hold.act
  job.push(traffic.part(nowUs()))
  await hold.begun
  // The commit holds the lock of those that replace metrics files; merging raw files needs none.
  job.moveRawFiles()
  await sleep(50)
  assert.ok(!reader.messages.slice(1).some(({ kind }) => kind === 'files'), kindsOf(reader))
  job.weather.afterLanding = async () => {}
  hold.release()
  await reader.until((messages) => messages.at(-1)?.kind === 'commit')
  const last = reader.messages.at(-1)
  assert.ok(last?.kind === 'commit' && last.events.length === 1)
  assert.ok(last.added.length >= 1)
  await job.moveFiles()
  await reader.until((messages) => messages.at(-1)?.kind === 'files')
})

test('past 10,000 windows nothing is pending until the commit tells them', async (t) => {
  const job = await openJob(t)
  const reader = job.attach()
  const atUs = nowUs()
  job.push(windowsPart(atUs, 10_000))
  await reader.until((messages) => messages.some(isPending))
  assert.equal(clicksOf(pendingOf(reader).at(-1)), 10_000)
  job.push(windowsPart(atUs, 1, 10_000))
  await sleep(600)
  assert.equal(kindsOf(reader), 'files pending')
  await job.close()
  await reader.ended
  const commit = reader.messages.at(-1)
  assert.equal(commit?.kind, 'commit')
  assert.equal(commit.deltas.length, 10_001)
})

test('windows of a commit under way count to the 10,000, those in both parts once', async (t) => {
  const job = await openJob(t, 20)
  const reader = job.attach()
  const hold = openHold()
  job.weather.beforeLanding = hold.act
  // One moment for all: a window that ends in the middle would make others of the same campaigns.
  const atUs = nowUs()
  job.push(windowsPart(atUs, 6_000))
  await hold.begun
  await reader.until((messages) => messages.some(isPending))
  job.weather.beforeLanding = () => sleep(600)
  const again = windowsPart(atUs, 3_000)
  job.push({ ...again, lines: Buffer.from(again.lines.toString().replaceAll('"w', '"again-')) })
  await reader.until((messages) => messages.filter(isPending).length === 2)
  assert.equal(pendingOf(reader).at(-1)?.deltas.length, 6_000)
  assert.equal(clicksOf(pendingOf(reader).at(-1)), 9_000)
  job.push(windowsPart(atUs, 6_000, 6_000))
  await sleep(400)
  assert.equal(kindsOf(reader), 'files pending pending')
  hold.release()
  await reader.until((messages) => messages.some(({ kind }) => kind === 'commit'))
})

test('a commit clears what was pending, and what has come since is told with it', async (t) => {
  const job = await openJob(t, 50)
  const traffic = openPlainTraffic(6)
  const reader = job.attach()
  const hold = openHold()
  job.weather.beforeLanding = hold.act
  job.push(traffic.part(nowUs()))
  await hold.begun
  const firstOffset = job.endOffset()
  job.push(traffic.part(nowUs()))
  await reader.until((messages) => messages.filter(isPending).length === 2)
  job.weather.beforeLanding = () => sleep(300)
  hold.release()
  await reader.until((messages) => messages.some(({ kind }) => kind === 'commit'))
  assert.equal(kindsOf(reader), 'files pending pending commit')
  const commit = reader.messages.at(-1)
  assert.ok(commit?.kind === 'commit')
  assert.equal(commit.nextOffset, firstOffset)
  assert.ok((commit.pending?.deltas.length ?? 0) > 0)
  await expectExact(reader.messages, { readRows: job.readRows, partsAt: traffic.partsAt })
})

test('nobody looks at the windows before a reader comes and after it has gone', async (t) => {
  const job = await openJob(t, 30)
  const traffic = openPlainTraffic(7)
  for (let i = 0; i < 30; i++) {
    job.push(traffic.part(nowUs()))
    await sleep(10)
  }
  assert.equal(job.peeks(), 0)
  const reader = job.attach()
  job.push(traffic.part(nowUs()))
  await reader.until((messages) => messages.some(isPending))
  reader.leave()
  await reader.ended
  const peeks = job.peeks()
  assert.ok(peeks > 0)
  for (let i = 0; i < 30; i++) {
    job.push(traffic.part(nowUs()))
    await sleep(10)
  }
  assert.equal(job.peeks(), peeks)
})

test('merged files and changes of other programs are told once, with the next list', () => {
  const told: (readonly [kind: string, isRewritten: boolean, merged: readonly string[]])[] = []
  const port = {
    postMessage: (message: FeedMessage) => {
      if (message.kind !== 'pending') {
        const { kind, isRewritten, merged } = message
        told.push([kind, isRewritten, merged.map(({ path }) => path)])
      }
    },
    once() {},
    close() {},
  } as unknown as MessagePort // only what feed.ts calls
  const tables = { nextOffset: 0, events: [], metrics: [], othersRows: 0 }
  const feed = openFeed({
    tables: () => tables,
    batch: { windows: 0, peekWindows: () => [] },
    steadyMs: () => 0,
  })
  feed.attach(port)
  const commit = (nextOffset: number): void => {
    tables.nextOffset = nextOffset
    feed.commitBegun(nextOffset, [], [])
    feed.committed({ ...START, nextOffset }, [])
  }
  feed.filesChanged([{ path: 'ab', from: ['a', 'b'] }])
  tables.othersRows = 5
  feed.filesChanged([])
  feed.filesChanged([])
  // A merge may land just before a commit, whose message is then the next.
  tables.nextOffset = 5
  feed.filesChanged([{ path: 'abc', from: ['ab', 'c'] }])
  // A commit of ours may build on the change before it is noticed.
  tables.othersRows = 7
  commit(10)
  commit(20)
  feed.close()
  assert.deepEqual(told, [
    ['files', false, []],
    ['files', false, ['ab']],
    ['files', true, []],
    ['files', false, []],
    ['commit', true, ['abc']],
    ['commit', false, []],
  ])
})
