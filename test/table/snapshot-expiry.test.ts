import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Snapshot } from '../../src/table/snapshot.ts'
import {
  EXPIRY_POLICY,
  keptSnapshots,
  splitRetired,
  splitStatistics,
} from '../../src/table/snapshot-expiry.ts'
import { wallTimes } from './fixture.ts'

const MINUTE_MS = 60_000
const NONE: ReadonlySet<bigint> = new Set()

function snapshotAt(timestampMs: number): Snapshot {
  return {
    id: BigInt(timestampMs),
    parentId: null,
    sequenceNumber: timestampMs / 1000,
    timestampMs,
    manifestListPath: `/snap-${timestampMs}`,
    operation: 'append',
    summary: {},
    others: {},
  }
}

test('hours of a commit a second: up to two minutes of snapshots, then one a minute for an hour', () => {
  let kept: readonly Snapshot[] = []
  const start = 1000 * MINUTE_MS
  for (let second = 0; second < 3 * 3600; second++) {
    const nowMs = start + second * 1000
    kept = keptSnapshots([...kept, snapshotAt(nowMs)], NONE, wallTimes(nowMs), EXPIRY_POLICY)
  }
  const nowMs = start + 3 * 3600 * 1000 - 1000
  const ages = kept.map((snapshot) => (nowMs - snapshot.timestampMs) / 1000)
  assert.deepEqual(
    ages.slice(-120),
    Array.from({ length: 120 }, (_, age) => 119 - age),
  )
  const minutely = kept.slice(0, -120).map((snapshot) => snapshot.timestampMs)
  assert(minutely.every((timestampMs) => timestampMs % MINUTE_MS === 0))
  assert.equal(minutely.length, 60)
  // Whatever moment of the last hour is asked for, a snapshot is not younger.
  assert(nowMs - (minutely[0] ?? nowMs) >= 3_600_000)
})

test('the snapshots of a minute go together, a minute after it has ended', () => {
  let kept: readonly Snapshot[] = []
  const start = 1000 * MINUTE_MS
  const oldest: number[] = []
  for (let second = 0; second < 300; second++) {
    const nowMs = start + second * 1000
    kept = keptSnapshots([...kept, snapshotAt(nowMs)], NONE, wallTimes(nowMs), EXPIRY_POLICY)
    // Where the chain of parents without a gap begins.
    const gap = kept.findLastIndex(
      (snapshot, index) => snapshot.timestampMs - (kept[index - 1]?.timestampMs ?? 0) > 1000,
    )
    oldest.push(((kept[gap]?.timestampMs ?? 0) - start) / 1000)
  }
  assert.deepEqual([...new Set(oldest)], [0, 60, 120, 180])
  assert.deepEqual(
    [119, 120, 179, 180, 239, 240].map((second) => oldest[second]),
    [0, 60, 60, 120, 120, 180],
  )
})

for (const { perSecond, seconds } of [
  { perSecond: 2, seconds: 30 },
  { perSecond: 10, seconds: 8.9 },
]) {
  test(`${perSecond} commits a second: a stream has ${seconds} s at the oldest snapshot`, () => {
    let kept: readonly Snapshot[] = []
    const start = 1000 * MINUTE_MS
    const pauseMs = 1000 / perSecond
    /** When the snapshot at which the parents without a gap begin was another one. */
    const moves: number[] = []
    let oldest = start
    for (let at = start; at < start + 90 * MINUTE_MS; at += pauseMs) {
      kept = keptSnapshots([...kept, snapshotAt(at)], NONE, wallTimes(at), EXPIRY_POLICY)
      const gap = kept.findLastIndex(
        (snapshot, index) => snapshot.timestampMs - (kept[index - 1]?.timestampMs ?? 0) > pauseMs,
      )
      const { timestampMs } = kept[gap]!
      // One a minute has stayed for the whole hour.
      if (timestampMs !== oldest && at > start + 65 * MINUTE_MS) moves.push(at)
      oldest = timestampMs
    }
    const stays = moves.slice(1).map((at, index) => (at - moves[index]!) / 1000)
    assert.ok(stays.length > 40, `${stays.length} moves`)
    assert.ok(Math.min(...stays) >= seconds, `${Math.min(...stays)} s`)
  })
}

test('the newest snapshot stays, however old, and so does a tagged one (F10)', () => {
  const snapshots = [snapshotAt(0), snapshotAt(1000), snapshotAt(2000)]
  const nowMs = 1000 * 3_600_000
  assert.deepEqual(keptSnapshots(snapshots, NONE, wallTimes(nowMs), EXPIRY_POLICY), [snapshots[2]])
  const tagged = keptSnapshots(snapshots, new Set([1000n]), wallTimes(nowMs), EXPIRY_POLICY)
  assert.deepEqual(tagged, [snapshots[1], snapshots[2]])
})

test('ten commits a second reach the limit: those of the last minute go, not one a minute', () => {
  let kept: readonly Snapshot[] = []
  const start = 1000 * MINUTE_MS
  const pinned = new Set([BigInt(start + 30 * MINUTE_MS + 500)])
  for (let at = start; at < start + 90 * MINUTE_MS; at += 100) {
    kept = keptSnapshots([...kept, snapshotAt(at)], pinned, wallTimes(at), EXPIRY_POLICY)
    assert.ok(kept.length <= EXPIRY_POLICY.snapshotsMax)
  }
  const times = kept.map(({ timestampMs }) => timestampMs - start)
  assert.equal(times.at(-1), 90 * MINUTE_MS - 100, 'the newest')
  assert.ok(times.includes(30 * MINUTE_MS + 500), 'a tagged one')
  for (let minute = 30; minute < 90; minute++) assert.ok(times.includes(minute * MINUTE_MS))
})

test('a retired file stays as long as a kept snapshot lies in its range', () => {
  const retired = [
    { path: 'a', first: 1, last: 3 },
    { path: 'b', first: 4, last: 4 },
    { path: 'c', first: 5, last: 9 },
    { path: 'd', first: 11, last: 12 },
  ]
  const { kept, free } = splitRetired(retired, [3, 7, 10])
  assert.deepEqual(kept, [retired[0], retired[2]])
  assert.deepEqual(free, [retired[1], retired[3]])
})

test('statistics files leave both lists with their snapshot; those of kept snapshots stay', () => {
  const entry = (id: bigint, path: string) => ({ 'snapshot-id': id, 'statistics-path': path })
  const fields = {
    statistics: [entry(1n, 'file:///t/1.puffin'), entry(2n, 'file:///t/2.puffin')],
    'partition-statistics': [entry(2n, 's3://b/t/2.parquet'), entry(1n, 's3://b/t/1.parquet')],
    'next-row-id': 7n,
  }
  const { kept, free } = splitStatistics(fields, new Set([2n]))
  assert.deepEqual(kept, {
    statistics: [fields.statistics[1]],
    'partition-statistics': [fields['partition-statistics'][0]],
  })
  assert.deepEqual(free, ['/t/1.puffin', 's3://b/t/1.parquet'])
  assert.deepEqual(splitStatistics(fields, new Set([1n, 2n])).free, [])
  assert.deepEqual(splitStatistics({}, new Set()), { kept: {}, free: [] })
  const unnamed = splitStatistics({ statistics: [{ 'snapshot-id': 1n }] }, new Set())
  assert.deepEqual(unnamed, { kept: { statistics: [] }, free: [] }, 'an entry without a path')
})
