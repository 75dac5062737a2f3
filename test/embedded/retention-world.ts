/**
 * A pipeline of plain lists around the code that decides what is kept: the collector's rule of age,
 * dedupe time and memory, maintenance's plan and its trusted time. True time passes here; the wall
 * clock of the machine is set as the test likes, its steady clock stands still while it is
 * suspended, and both it and the program can stop at any moment.
 */
import assert from 'node:assert/strict'
import { generationOf, openDedupeClock, openDedupeMemory } from '../../src/embedded/dedupe.ts'
import type { IdSet } from '../../src/engine.ts'
import { keptFromUs } from '../../src/event.ts'
import { joinTimes } from '../../src/table/data-files.ts'
import { planMaintenance } from '../../src/table/maintenance/plan.ts'
import { openTrustedTime } from '../../src/table/maintenance/trusted-time.ts'
import type { DataFile, FileTimes } from '../../src/table.ts'

export const HOUR_US = 3_600_000_000
export const DAY_US = 86_400_000_000
export const HORIZON_US = 3_600_000_000
const START_US = Date.UTC(2026, 10, 22, 9) * 1000
const FUTURE_US = 300_000_000
const LOOK_US = 600_000_000

export type Event = Readonly<{ id: number; timestampUs: number }>
type Logged = Event & Readonly<{ arrivalUs: number; cameAtUs: number }>
type File = Readonly<{ file: DataFile; times: FileTimes; rows: readonly Logged[] }>

/** The rules that a fault was in: the true ones, or those of before put back. */
export type Rules = Readonly<{
  /** F24: a retention that nobody has asked for, and that the collector does not judge by. */
  unaskedDays: number
  /** F25: ids age by arrival, and days go by the wall clock alone. */
  followsWallClock: boolean
  /** F26: events go into days of which rows are gone. */
  reopensDays: boolean
}>
export const TRUE_RULES: Rules = { unaskedDays: 0, followsWallClock: false, reopensDays: false }

/** What the world did, for the test to judge by true time. */
export type Deed =
  | Readonly<{ kind: 'accepted'; event: Event; cameAtUs: number; runningUs: number }>
  | Readonly<{ kind: 'rejected'; event: Event; wallUs: number; days: number; keptFromDay: number }>
  | Readonly<{ kind: 'dropped'; day: number; days: number; lowestWallUs: number }>

export class World {
  readonly deeds: Deed[] = []
  readonly #rules: Rules
  #trueUs = START_US
  #wallOffsetUs = 0
  #steadyMs = 0
  /** Running time, true. */
  #runningUs = 0
  /** The wall clock now, and after each step of it in the last hour of running time. */
  #walls: { runningUs: number; wallUs: number }[] = []
  #days = 0
  #log: Logged[] = []
  #checkpoint = { nextOffset: 0, dedupeUs: 0, arrivedUs: 0 }
  #keptFromDay = Number.NEGATIVE_INFINITY
  #files: File[] = []
  #metrics = new Map<number, { day: number; events: number }>()
  #isStalled = false
  #run = this.#start()

  constructor(rules: Rules) {
    this.#rules = rules
  }

  get wallUs(): number {
    return this.#trueUs + this.#wallOffsetUs
  }

  /** Everything works for so long, and maintenance looks every ten minutes. */
  pass(us: number): void {
    for (let leftUs = us; leftUs > 0; leftUs -= LOOK_US) {
      const passedUs = Math.min(leftUs, LOOK_US)
      this.#trueUs += passedUs
      this.#steadyMs += passedUs / 1000
      this.#runningUs += passedUs
      this.#work()
    }
  }

  stepClock(us: number): void {
    this.#wallOffsetUs += us
    this.#work()
  }

  suspend(us: number): void {
    this.#trueUs += us
    this.#work()
  }

  /** Commits fail until it is told to end. */
  holdUp(isStalled: boolean): void {
    this.#isStalled = isStalled
    this.#work()
  }

  restart(downUs: number, days: number): void {
    this.#trueUs += downUs
    this.#days = days
    this.#run = this.#start()
    this.#walls = []
    this.#work()
  }

  send(events: readonly Event[]): void {
    for (const event of events) {
      const arrivalUs = this.wallUs
      const oldestUs = Math.max(keptFromUs(arrivalUs, this.#days), this.#keptFromDay * DAY_US)
      const isTooOld = event.timestampUs < oldestUs && !this.#rules.reopensDays
      if (event.timestampUs > arrivalUs + FUTURE_US) continue
      if (isTooOld) {
        const facts = { wallUs: arrivalUs, days: this.#days, keptFromDay: this.#keptFromDay }
        this.deeds.push({ kind: 'rejected', event, ...facts })
        continue
      }
      this.#log.push({ ...event, arrivalUs, cameAtUs: this.#trueUs })
      const when = { cameAtUs: this.#trueUs, runningUs: this.#runningUs }
      this.deeds.push({ kind: 'accepted', event, ...when })
    }
    this.#work()
  }

  /** Rows of the raw table by id; windows with their counts; the first day that is whole. */
  tables(): Readonly<{
    rows: ReadonlyMap<number, number>
    windows: ReadonlyMap<number, number>
    rowsOf: ReadonlyMap<number, number>
    keptFromDay: number
  }> {
    const rows = new Map<number, number>()
    const rowsOf = new Map<number, number>()
    for (const { id, timestampUs } of this.#files.flatMap((file) => file.rows)) {
      rows.set(id, (rows.get(id) ?? 0) + 1)
      rowsOf.set(windowOf(timestampUs), (rowsOf.get(windowOf(timestampUs)) ?? 0) + 1)
    }
    const windows = new Map([...this.#metrics].map(([window, { events }]) => [window, events]))
    return { rows, windows, rowsOf, keptFromDay: this.#keptFromDay }
  }

  #start() {
    const clocks = { nowUs: () => this.wallUs, steadyMs: () => this.#steadyMs }
    const memory = openDedupeMemory({ horizonUs: HORIZON_US, bytesMax: 4, openSet: openPlainSet })
    const clock = openDedupeClock(this.#checkpoint, clocks)
    const { dedupeUs } = this.#checkpoint
    for (const { times, rows } of this.#files.toSorted(byDedupe)) {
      if (!memory.covers(times.dedupe.maxUs, dedupeUs)) continue
      memory.remember(hashesOf(rows), rows.length, times.dedupe.maxUs)
    }
    return { memory, clock, trusted: openTrustedTime(clocks), read: this.#checkpoint }
  }

  #work(): void {
    this.#walls.push({ runningUs: this.#runningUs, wallUs: this.wallUs })
    this.#walls = this.#walls.filter(({ runningUs }) => runningUs > this.#runningUs - HOUR_US)
    if (!this.#isStalled) this.#readAll()
    this.#maintain()
  }

  /** Reads what waits, a commit for each generation. */
  #readAll(): void {
    let batch: (Logged & { dedupeUs: number })[] = []
    for (const event of this.#log.slice(this.#checkpoint.nextOffset)) {
      const advancedUs = this.#run.clock.advance(event.arrivalUs)
      const dedupeUs = this.#rules.followsWallClock ? event.arrivalUs : advancedUs
      const last = batch.at(-1)
      if (last !== undefined && generation(dedupeUs) > generation(last.dedupeUs)) {
        this.#commit(batch)
        batch = []
      }
      batch.push({ ...event, dedupeUs })
    }
    if (batch.length > 0) this.#commit(batch)
    this.#run.clock.idle()
  }

  #commit(batch: readonly (Logged & { dedupeUs: number })[]): void {
    const last = batch.at(-1)
    assert(last !== undefined)
    const stored = batch.filter((event) => {
      if (Math.floor(event.timestampUs / DAY_US) < this.#keptFromDay && !this.#rules.reopensDays)
        assert.fail('an event of a day that is no longer whole')
      const mask = new Uint8Array(1)
      this.#run.memory.admit(hashesOf([event]), 1, mask, event.dedupeUs)
      return mask[0] === 0
    })
    const rangeOf = (pick: (event: (typeof batch)[number]) => number) => ({
      minUs: Math.min(...batch.map(pick)),
      maxUs: Math.max(...batch.map(pick)),
    })
    const times = { arrival: rangeOf((e) => e.arrivalUs), dedupe: rangeOf((e) => e.dedupeUs) }
    for (const [day, rows] of Map.groupBy(stored, (e) => Math.floor(e.timestampUs / DAY_US))) {
      this.#files.push({ file: fileOf(day, rows.length), times, rows })
    }
    for (const { timestampUs } of stored) this.#count(timestampUs)
    this.#checkpoint = {
      nextOffset: this.#checkpoint.nextOffset + batch.length,
      dedupeUs: last.dedupeUs,
      arrivedUs: last.arrivalUs,
    }
  }

  /**
   * A window whose sum is not exact is recomputed from its rows; here each one that reopens a day
   * is.
   */
  #count(timestampUs: number): void {
    const window = windowOf(timestampUs)
    const day = Math.floor(timestampUs / DAY_US)
    const isReopened = day < this.#keptFromDay
    const events = isReopened
      ? this.tables().rowsOf.get(window)
      : (this.#metrics.get(window)?.events ?? 0) + 1
    this.#metrics.set(window, { day, events: events ?? 0 })
  }

  #maintain(): void {
    const days = this.#days === 0 ? this.#rules.unaskedDays : this.#days
    const { nextOffset, dedupeUs } = this.#checkpoint
    const hasReadAll = nextOffset === this.#log.length
    const trustedUs = this.#run.trusted.look({ ends: [this.#log.length], taken: [nextOffset] })
    const [task] = planMaintenance({
      events: this.#files,
      metrics: [],
      nowUs: this.wallUs,
      trustedUs: this.#rules.followsWallClock ? this.wallUs : trustedUs,
      dedupeNowUs: this.#dedupeNowUs(hasReadAll, dedupeUs),
      horizonUs: HORIZON_US,
      retentionDays: { events: days, metrics: 0 },
      sweptUs: Number.POSITIVE_INFINITY,
      orphanAgeUs: 0,
      isBusy: false,
    })
    if (task?.kind === 'drop-days') {
      const gone = new Set(task.events)
      const lowestWallUs = Math.min(...this.#walls.map(({ wallUs }) => wallUs))
      for (const { day } of gone) {
        this.deeds.push({ kind: 'dropped', day, days: this.#days, lowestWallUs })
      }
      this.#files = this.#files.filter(({ file }) => !gone.has(file))
      this.#keptFromDay = Math.max(this.#keptFromDay, task.keptFromDay)
    } else if (task?.kind === 'merge-events') {
      const taken = new Set(task.inputs)
      const inputs = this.#files.filter(({ file }) => taken.has(file))
      const rows = inputs.flatMap((each) => each.rows)
      const merged = { file: fileOf(task.day, rows.length), times: task.times, rows }
      assert.deepEqual(task.times, joinTimes(inputs.map(({ times }) => times)))
      this.#files = [...this.#files.filter(({ file }) => !taken.has(file)), merged]
    }
  }

  #dedupeNowUs(hasReadAll: boolean, dedupeUs: number): number {
    if (this.#rules.followsWallClock) return this.wallUs
    return hasReadAll ? this.#run.clock.now() : dedupeUs
  }
}

export function windowOf(timestampUs: number): number {
  return Math.floor(timestampUs / 300_000_000)
}

const generation = (us: number): number => generationOf(us, HORIZON_US)

function byDedupe(a: File, b: File): number {
  return a.times.dedupe.maxUs - b.times.dedupe.maxUs
}

let made = 0
function fileOf(day: number, rows: number): DataFile {
  const none = new Map()
  const [columnSizes, valueCounts, nullCounts, nanCounts] = [none, none, none, none]
  const maps = { columnSizes, valueCounts, nullCounts, nanCounts }
  const bounds = { lowerBounds: none, upperBounds: none }
  return { path: `${made++}`, day, rows, bytes: rows, ...maps, ...bounds, splitOffsets: [] }
}

function hashesOf(events: readonly Event[]): Uint8Array {
  const hashes = Buffer.alloc(events.length * 16)
  for (const [row, { id }] of events.entries()) hashes.writeUInt32LE(id, row * 16)
  return hashes
}

function openPlainSet(): IdSet {
  const ids = new Set<number>()
  const idAt = (hashes: Uint8Array, row: number): number =>
    Buffer.from(hashes).readUInt32LE(row * 16)
  return {
    markPresent(hashes, rows, mask) {
      for (let row = 0; row < rows; row++) if (ids.has(idAt(hashes, row))) mask[row] = 1
    },
    insertNew(hashes, rows, mask) {
      for (let row = 0; row < rows; row++) {
        if (mask[row] === 1) continue
        if (ids.has(idAt(hashes, row))) mask[row] = 1
        else ids.add(idAt(hashes, row))
      }
      return rows
    },
    get size() {
      return ids.size
    },
    bytes: 0,
    full: false,
  }
}
