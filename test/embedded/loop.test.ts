/**
 * The job's loop by a clock that the test moves, with the true engine: when it commits, what it
 * refuses, and when it ends.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type LoopParts, openLoop } from '../../src/embedded/loop.ts'
import { openRowBatch, type RowBatch } from '../../src/engine.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import type { Frame } from '../../src/log.ts'
import { type DataFile, TableError } from '../../src/table.ts'
import { START } from './feed-job.ts'

const WINDOW_US = 300_000_000
const DAY_US = 86_400_000_000
const NOON_US = 1_795_348_800_000_000
const NEVER_MS = 1e9

let ids = 0
function event(timestampUs: number = NOON_US): string {
  return JSON.stringify({
    ...{ event_id: `e${ids++}`, user_id: 'u', campaign_id: 'c', event_type: 'click' },
    timestamp: new Date(timestampUs / 1000).toISOString(),
  })
}

type Differing = Partial<LoopParts> & Readonly<{ batchOf?: (batch: RowBatch) => RowBatch }>

/** A loop over frames of these lines; `world` has its clock and what it did. */
async function openWorld(frames: readonly (readonly string[])[], differing: Differing = {}) {
  const { batchOf = (batch) => batch, ...parts } = differing
  const log: Frame[] = []
  let end = 0
  for (const lines of frames) {
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    log.push({ firstOffset: end, count: lines.length, arrivalUs: NOON_US, bytes })
    end += lines.length
  }
  const world = {
    nowMs: 0,
    /** How long a commit and an empty read take. */
    commitMs: 0,
    readMs: 1,
    begunAtMs: [] as number[],
    commits: [] as number[],
    written: 0,
  }
  const recentIds = { admit() {} }
  const batch = batchOf(await openRowBatch({ windowUs: WINDOW_US, seed: 7n, recentIds }))
  const newFile = (kind: string): DataFile => ({ path: `${kind}-${world.written++}` }) as DataFile
  const loop = openLoop({
    checkpoint: START,
    commitIntervalMs: 0,
    horizonUs: 3_600_000_000,
    keptFromUs: () => KEEPS_ALL_US,
    wholeFromUs: () => null,
    dedupeClock: { advance: () => 1, idle() {} },
    nowUs: () => NOON_US,
    steadyMs: () => world.nowMs,
    async readFrame(fromOffset) {
      await turn()
      const frame = log.find(({ firstOffset }) => firstOffset === fromOffset)
      if (frame === undefined) world.nowMs += world.readMs
      return frame ?? null
    },
    logEnd: () => end,
    batch,
    windows: { amend: async () => ({ add: [newFile('metrics')], remove: [] }) },
    feed: { took() {}, commitBegun: () => void world.begunAtMs.push(world.nowMs), committed() {} },
    keepRejected: async () => {},
    writeEventsFile: async () => newFile('events'),
    exclusively: (work) => work(),
    giveWay: async () => {},
    async commit(change) {
      world.nowMs += world.commitMs
      world.commits.push(change.events?.add.length ?? 0)
    },
    discard: async () => {},
    pause: async () => {},
    onStall: () => {},
    onCommit: () => {},
    ...parts,
  })
  return { world, loop, end }
}

test('a batch is committed when it has the age of the commit interval', async () => {
  const { world, loop } = await openWorld([[event()]], { commitIntervalMs: 500 })
  loop.stop(2, 2_000)
  await loop.run()
  assert.deepEqual(world.begunAtMs, [500])
})

test('commits take half of the time at most: after a long one the next is later', async () => {
  const frames = Array.from({ length: 3 }, () => [event()])
  let begun = 0
  const { world, loop } = await openWorld(frames, {
    commitIntervalMs: 500,
    async commit() {
      world.nowMs += 3_000
      begun++
    },
    logEnd: () => 4,
    // The next event is there once the commit before has ended.
    readFrame: async (fromOffset) => {
      await turn()
      if (fromOffset > begun || fromOffset === 3) {
        world.nowMs += 1
        return null
      }
      const bytes = Buffer.from(`${frames[fromOffset]?.[0]}\n`)
      return { firstOffset: fromOffset, count: 1, arrivalUs: NOON_US, bytes }
    },
  })
  loop.stop(4, 30_000)
  await loop.run()
  const [first = 0, second = 0, third = 0] = world.begunAtMs
  assert.equal(first, 500)
  for (const gapMs of [second - first, third - second]) {
    assert.ok(gapMs >= 9_000 && gapMs < 9_100, `${gapMs} ms: 3 s of commit, 6 s of the next batch`)
  }
})

test('a commit that waited for another program does not make the next one later', async () => {
  const frames = Array.from({ length: 2 }, () => [event()])
  const committedAtMs: number[] = []
  const { world, loop } = await openWorld(frames, {
    commitIntervalMs: 500,
    giveWay: async () => {
      world.nowMs += 10_000
    },
    commit: async () => void committedAtMs.push(world.nowMs),
    logEnd: () => 3,
    readFrame: async (fromOffset) => {
      await turn()
      if (fromOffset > committedAtMs.length || fromOffset === 2) {
        world.nowMs += 1
        return null
      }
      const bytes = Buffer.from(`${frames[fromOffset]?.[0]}\n`)
      return { firstOffset: fromOffset, count: 1, arrivalUs: NOON_US, bytes }
    },
  })
  loop.stop(3, 30_000)
  await loop.run()
  const [first = 0, second = 0] = committedAtMs
  assert.ok(second - first < 10_600, `${second - first} ms: 0.5 s of the batch, 10 s of waiting`)
})

for (const [bytes, commits] of [
  [64 * 2 ** 20 - 1, 1],
  [64 * 2 ** 20, 2],
] as const) {
  test(`a batch of ${bytes} bytes: commits of two events: ${commits}`, async () => {
    const { world, loop } = await openWorld([[event()], [event()]], {
      commitIntervalMs: NEVER_MS,
      batchOf: (batch) =>
        new Proxy(batch, {
          get: (target, name) =>
            name === 'rawBytes' ? (target.rows > 0 ? bytes : 0) : Reflect.get(target, name),
        }),
    })
    loop.stop(2, 2_000)
    await loop.run()
    assert.equal(world.commits.length, commits)
  })
}

for (const [days, commits] of [
  [256, [256]],
  [257, [256, 1]],
] as const) {
  test(`${days} days are ${commits.length} commits`, async () => {
    const lines = Array.from({ length: days }, (_, day) => event(NOON_US - day * DAY_US))
    const { world, loop } = await openWorld([lines])
    loop.stop(days, 2_000)
    await loop.run()
    assert.deepEqual(world.commits, commits)
  })
}

test('above 100,000 events a second the job is busy, until five seconds after', async () => {
  for (const [elapsedMs, isBusy] of [
    [0.01, false],
    [0.00999995, true],
  ] as const) {
    const { world, loop, end } = await openWorld([[event()]])
    assert.equal(loop.isBusy(), false)
    world.commitMs = elapsedMs
    loop.stop(end, 1_000)
    await loop.run()
    assert.equal(loop.isBusy(), isBusy, `${elapsedMs} ms`)
    world.nowMs += 4_999
    assert.equal(loop.isBusy(), isBusy)
    world.nowMs += 1
    assert.equal(loop.isBusy(), false)
  }
})

test('at a stop the log counts as read after a second without a frame', async () => {
  const { world, loop } = await openWorld([])
  loop.stop(10, 60_000)
  await loop.run()
  assert.equal(world.nowMs, 1_001)
})

test('reading ends by its deadline, and what was read is committed', async () => {
  const { world, loop } = await openWorld([[event()]], {
    commitIntervalMs: NEVER_MS,
    logEnd: () => 100,
  })
  loop.stop(100, 5_000)
  await loop.run()
  assert.equal(world.nowMs, 5_000)
  assert.deepEqual(world.commits, [1])
})

test('a rejected event is kept with its own offset, bytes and arrival', async () => {
  const kept: unknown[] = []
  const { loop, end } = await openWorld(
    [
      [event(), '{', event(), '7'],
      [event(), '[]'],
    ],
    {
      keepRejected: async (records) => {
        for (const { bytes, ...more } of records) kept.push([String(Buffer.from(bytes)), more])
      },
    },
  )
  loop.stop(end, 1_000)
  await loop.run()
  const arrivalUs = NOON_US
  assert.deepEqual(kept, [
    ['{', { reason: 'syntax', arrivalUs, offset: 1 }],
    ['7', { reason: 'not-object', arrivalUs, offset: 3 }],
    ['[]', { reason: 'not-object', arrivalUs, offset: 5 }],
  ])
})

test('records with their senders’ time are rejected whatever they hold, and the next go on', async () => {
  const kept: unknown[] = []
  const stored: number[] = []
  const bytes = Buffer.from(`${event()}\n{\n`)
  const frames: Frame[] = [
    { firstOffset: 0, count: 2, arrivalUs: 0, bytes, hasSenderTime: true },
    { firstOffset: 2, count: 1, arrivalUs: NOON_US, bytes: Buffer.from(`${event()}\n`) },
  ]
  const { loop } = await openWorld([], {
    logEnd: () => 3,
    readFrame: async (fromOffset) => {
      await turn()
      return frames.find(({ firstOffset }) => firstOffset === fromOffset) ?? null
    },
    keepRejected: async (records) => {
      for (const { reason, offset, arrivalUs } of records) kept.push([reason, offset, arrivalUs])
    },
    onCommit: (checkpoint) => stored.push(checkpoint.stored, checkpoint.rejected),
  })
  loop.stop(3, 1_000)
  await loop.run()
  assert.deepEqual(kept, [
    ['sender-time', 0, NOON_US],
    ['sender-time', 1, NOON_US],
  ])
  assert.deepEqual(stored.slice(-2), [1, 2])
})

test('a ledger that does not close stops the job before anything is committed', async () => {
  const { world, loop, end } = await openWorld([[event()]], {
    batchOf: (batch) =>
      new Proxy(batch, {
        get: (target, name) =>
          name === 'add'
            ? (...given: Parameters<RowBatch['add']>) => ({ ...target.add(...given), stored: 2 })
            : Reflect.get(target, name),
      }),
  })
  loop.stop(end, 1_000)
  await assert.rejects(loop.run(), { code: 'ledger-open', message: /2 events .* offset 1 / })
  assert.deepEqual(world.commits, [])
})

test('no window is changed whose events retention has dropped', async () => {
  const { world, loop, end } = await openWorld([[event()]], { wholeFromUs: () => NOON_US + DAY_US })
  loop.stop(end, 1_000)
  await assert.rejects(loop.run(), { code: 'day-dropped', message: /2026-11-22T12:00:00\.000Z/ })
  assert.deepEqual(world.commits, [])
  const kept = await openWorld([[event()]], { wholeFromUs: () => NOON_US })
  kept.loop.stop(kept.end, 1_000)
  await kept.loop.run()
  assert.deepEqual(kept.world.commits, [1])
})

function fullDisk(): TableError {
  const cause = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  return new TableError('storage-failed', { path: '/lake/x', reason: cause.message }, cause)
}

test('what a failed commit wrote is removed, and written again a second later', async () => {
  const discarded: string[] = []
  const pauses: number[] = []
  const stalls: string[] = []
  const committed: (readonly string[])[] = []
  const pathsOf = (files: readonly DataFile[] = []): string[] => files.map(({ path }) => path)
  let failures = 2
  const { loop } = await openWorld([[event(), event(NOON_US - DAY_US)]], {
    commit: async ({ events, metrics }) => {
      if (failures-- > 0) throw fullDisk()
      committed.push([...pathsOf(events?.add), ...pathsOf(metrics?.add)])
    },
    discard: async (files) => void discarded.push(...pathsOf(files)),
    pause: async (durationMs) => {
      pauses.push(durationMs)
      if (pauses.length === 2) loop.stop(2, 1_000)
    },
    onStall: (message) => void stalls.push(message),
  })
  await loop.run()
  assert.deepEqual(discarded, [
    ...['events-0', 'events-1', 'metrics-2'],
    ...['events-3', 'events-4', 'metrics-5'],
  ])
  assert.deepEqual(pauses, [1_000, 1_000])
  assert.deepEqual(committed, [['events-6', 'events-7', 'metrics-8']])
  assert.equal(stalls.length, 2)
  assert.match(stalls[0] ?? '', /no space left/)
})

test('a raw file that cannot be written takes those beside it with it', async () => {
  const discarded: string[] = []
  let failures = 1
  const { loop, end } = await openWorld([[event(), event(NOON_US - DAY_US)]], {
    writeEventsFile: async ({ day }) => {
      if (day === 20_779 && failures-- > 0) throw fullDisk()
      return { path: `day-${day}` } as DataFile
    },
    discard: async (files) => void discarded.push(...files.map(({ path }) => path)),
    pause: async () => loop.stop(end, 1_000),
  })
  await loop.run()
  assert.deepEqual(discarded, ['day-20778'])
})

test('a stopping job does not try a failed commit again', async () => {
  const { loop, end } = await openWorld([[event()]], {
    commit: () => Promise.reject(fullDisk()),
    pause: () => assert.fail('it waits'),
  })
  loop.stop(end, 1_000)
  await assert.rejects(loop.run(), { code: 'storage-failed' })
})

test('the memory of large pages is given back with the commit, not by the collector', async () => {
  const pages: Uint8Array[] = []
  let during = 0
  const lines = Array.from({ length: 20_000 }, () => event())
  const { loop, end } = await openWorld([lines], {
    writeEventsFile: async ({ columns }) => {
      pages.push(...columns.flatMap((column) => column.pages.map(({ bytes }) => bytes)))
      return { path: 'x' } as DataFile
    },
    commit: async () => {
      during = Math.max(...pages.map(({ byteLength }) => byteLength))
    },
  })
  loop.stop(end, 1_000)
  await loop.run()
  assert.ok(during > 100_000)
  assert.ok(Math.max(...pages.map(({ byteLength }) => byteLength)) < 100_000)
})
