import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GraceList, type HeldFile } from '../../src/table/grace-list.ts'
import { openRandom } from '../support/random.ts'

const LIMITS = { graceMs: 3_600_000, bytesMax: 3200 }

const file = (path: string, leftMs: number, more: Partial<HeldFile> = {}): HeldFile => ({
  ...{ path, bytes: 1000, leftMs, sinceMs: leftMs },
  ...more,
})

const pathsOf = (files: readonly HeldFile[]): readonly string[] => files.map(({ path }) => path)

test('a file stays for the grace from the moment when nothing refers to it', () => {
  const list = new GraceList(LIMITS)
  list.add([file('a', 0, { sinceMs: 60_000 })])
  assert.deepEqual(list.take(3_659_999, 0), [])
  assert.deepEqual(pathsOf(list.take(3_660_000, 0)), ['a'])
  assert.equal(list.bytes, 0)
  assert.equal(list.shortGrace(3_660_000, 'other'), null)
})

test('over the budget, metadata files go first, then what left the current snapshot first', () => {
  const list = new GraceList(LIMITS)
  list.add([
    file('b.parquet', 2_000),
    file('2.metadata.json', 2_000, { bytes: 100 }),
    // Merged an hour ago, and needed since by a snapshot of that time.
    file('a.parquet', 1_000, { sinceMs: 3_000_000 }),
    file('1.metadata.json', 1_000, { bytes: 100 }),
  ])
  list.add([file('c.parquet', 3_000_000)])
  // 3,200 bytes are the limit; all are 3,200. What goes, goes down to 31/32 of it.
  assert.deepEqual(list.take(3_000_000, 0), [])
  list.add([file('d.parquet', 3_000_000, { bytes: 50 })])
  assert.deepEqual(pathsOf(list.take(3_000_000, 0)), ['1.metadata.json', '2.metadata.json'])
  assert.deepEqual(list.shortGrace(3_000_000, 'metadata'), { ms: 2_998_000, cause: 'bytes' })
  assert.equal(list.shortGrace(3_000_000, 'other'), null)
  list.add([file('e.parquet', 3_000_000)])
  assert.deepEqual(pathsOf(list.take(3_000_000, 0)), ['a.parquet'])
  assert.deepEqual(list.shortGrace(3_000_000, 'other'), { ms: 2_999_000, cause: 'bytes' })
})

test('a grace that was cut short grows again, and is whole once it is as long as asked for', () => {
  const list = new GraceList(LIMITS)
  list.add([file('a', 0), file('b', 1_000)])
  assert.deepEqual(pathsOf(list.take(5_000, 500)), ['a'])
  assert.deepEqual(list.shortGrace(5_000, 'other'), { ms: 5_000, cause: 'disk' })
  assert.deepEqual(list.shortGrace(3_599_999, 'other'), { ms: 3_599_999, cause: 'disk' })
  assert.equal(list.shortGrace(3_600_000, 'other'), null)
})

test('a file that left more than the grace ago goes early without making the grace shorter', () => {
  const list = new GraceList(LIMITS)
  const sinceMs = 4_000_000
  list.add([file('merged', 100_000, { sinceMs, bytes: 3000 }), file('fresh', sinceMs)])
  assert.deepEqual(pathsOf(list.take(sinceMs, 0)), ['merged'])
  assert.equal(list.shortGrace(sinceMs, 'other'), null)
})

test('random traffic: no file early without need, none late, never over the budget', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = openRandom(seed)
    const limits = { graceMs: 1 + random.below(400), bytesMax: 100 + random.below(3_000) }
    const list = new GraceList(limits)
    let model: readonly HeldFile[] = []
    let nowMs = 0
    /** When the youngest file left that went early. */
    let lostMs = Number.NEGATIVE_INFINITY
    for (let step = 0; step < 400; step++) {
      nowMs += random.below(5)
      const added = Array.from({ length: random.below(6) }, (_, index) => {
        const leftMs = nowMs - random.below(200)
        return file(`${step}-${index}`, leftMs, { bytes: random.below(60), sinceMs: nowMs })
      })
      list.add(added)
      const before = [...model, ...added]
      const missing = random.below(20) === 0 ? random.below(500) : 0
      const taken = new Set(list.take(nowMs, missing))
      model = before.filter((each) => !taken.has(each))
      const isDue = ({ sinceMs }: HeldFile): boolean => sinceMs + limits.graceMs <= nowMs
      assert.ok(
        model.every((each) => !isDue(each)),
        `seed ${seed}, step ${step}: one is late`,
      )
      assert.deepEqual(list.files, model, 'those that stay keep their order')
      assert.ok(list.bytes <= limits.bytesMax)
      assert.equal(list.bytes, sum(model))
      const early = [...taken].filter((each) => !isDue(each))
      if (early.length > 0) {
        const due = sum([...taken].filter(isDue))
        const needed = sum(before) - due > limits.bytesMax || missing > due
        assert.ok(needed, `seed ${seed}, step ${step}: one is early without need`)
        const youngest = Math.max(...early.map(({ leftMs }) => leftMs))
        assert.ok(
          model.every(({ leftMs }) => leftMs >= youngest),
          'the oldest go first',
        )
        lostMs = Math.max(lostMs, youngest)
      }
      const ms = nowMs - lostMs
      assert.equal(list.shortGrace(nowMs, 'other')?.ms ?? null, ms < limits.graceMs ? ms : null)
    }
  }
})

function sum(files: readonly HeldFile[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0)
}
