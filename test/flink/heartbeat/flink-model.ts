/**
 * A topic and a Flink job, as far as windows and watermarks go, second by second: a much simpler
 * one than the real, and less friendly where the real one may be either. In seconds throughout.
 */
import type { JobAttempt } from '../../../src/flink/cluster/cluster.ts'
import type { FlinkCommit } from '../../../src/flink/supervision/recovery.ts'
import type { Random } from '../../support/random.ts'

export const WINDOW = 60
export const DELAY = 2
/** Flink looks for new partitions so often. */
const DISCOVERY = 10
/** Without rows the sink commits every tenth checkpoint. */
const EMPTY_COMMITS = 10
/** The cluster answers from its memory. */
const ANSWER_AGE_MAX = 5

/** `event`: its time; null for a heartbeat. */
export type TopicRecord = Readonly<{ at: number; event: number | null }>

export type Topic = { readonly partitions: TopicRecord[][] }

export const windowEnd = (time: number): number => (Math.floor(time / WINDOW) + 1) * WINDOW

type Split = { position: number; watermark: number; readAt: number }

/** What a checkpoint holds. */
type Durable = Readonly<{
  positions: readonly number[]
  watermark: number
  /** Ends of windows that hold events and have not closed. */
  open: ReadonlySet<number>
}>

export type Tables = Readonly<{
  first: number
  last: number
  /** The largest end of a window that has a row; -Infinity without any. */
  rowsUntil: number
  commits: readonly (FlinkCommit | null)[]
}>

export class FlinkModel {
  durable: Durable = { positions: [], watermark: Number.NEGATIVE_INFINITY, open: new Set() }
  tables: Tables = {
    first: Number.POSITIVE_INFINITY,
    last: Number.NEGATIVE_INFINITY,
    rowsUntil: Number.NEGATIVE_INFINITY,
    commits: [null, null],
  }
  /** Ends of windows whose events were dropped, since they came late. */
  readonly dropped: Set<number> = new Set<number>()
  /** By partition: the offset of the consumer group. */
  taken: (number | null)[] = []

  readonly #topic: Topic
  readonly #settings: Readonly<{ tasks: number; idle: number; interval: number; random: Random }>
  #job = 0
  #restored = 0
  #checkpoint = 0
  #begun: Readonly<{ id: number; state: Durable; raw: number[]; rows: number[] }> | null = null
  #downUntil = 0
  #startedAt = 0
  #splits: Split[] = []
  #watermark = Number.NEGATIVE_INFINITY
  /** On its way to the windows. */
  #sent = Number.NEGATIVE_INFINITY
  #open = new Set<number>()
  #raw: number[] = []
  #rows: number[] = []
  #emptyCommits = [0, 0]
  #answers: (JobAttempt | null)[] = []

  constructor(
    topic: Topic,
    settings: Readonly<{ tasks: number; idle: number; interval: number; random: Random }>,
  ) {
    this.#topic = topic
    this.#settings = settings
  }

  get jobId(): string {
    return `job-${this.#job}`
  }

  /** As old as an answer of the cluster may be. */
  attempt(): JobAttempt | null {
    return this.#settings.random.pick(this.#answers)
  }

  crash(now: number): void {
    if (now < this.#downUntil) return
    const { random } = this.#settings
    this.#downUntil = now + 1 + random.below(20)
    this.#begun = null
    this.#restored += 1
    if (random.chance(0.3)) {
      this.#job += 1
      this.#restored = 0
    }
  }

  step(now: number): void {
    if (now === this.#downUntil || (now === 0 && this.#startedAt === 0)) this.#restore(now)
    const isUp = now >= this.#downUntil
    if (isUp) {
      this.#discover(now)
      this.#closeWindows()
      this.#read(now)
      this.#sent = Math.max(this.#sent, this.#sourceWatermark(now))
      this.#complete()
      if (now % this.#settings.interval === 0) this.#begin()
    }
    const { jobId } = this
    const answer = { jobId, restored: this.#restored, newestCheckpoint: this.#checkpoint }
    this.#answers = [isUp ? answer : null, ...this.#answers].slice(0, ANSWER_AGE_MAX)
  }

  #restore(now: number): void {
    const { positions, watermark, open } = this.durable
    this.#startedAt = now
    this.#splits = positions.map((position) => ({
      position,
      watermark: Number.NEGATIVE_INFINITY,
      readAt: now,
    }))
    this.#watermark = watermark
    this.#sent = Number.NEGATIVE_INFINITY
    this.#open = new Set(open)
    this.#raw = []
    this.#rows = []
    this.#emptyCommits = [0, 0]
  }

  #discover(now: number): void {
    if ((now - this.#startedAt) % DISCOVERY !== 0) return
    while (this.#splits.length < this.#topic.partitions.length) {
      this.#splits.push({ position: 0, watermark: Number.NEGATIVE_INFINITY, readAt: now })
    }
  }

  #read(now: number): void {
    for (const [partition, split] of this.#splits.entries()) {
      if (this.#settings.random.chance(0.2)) continue
      for (const { at, event } of this.#topic.partitions[partition]?.slice(split.position) ?? []) {
        if (at >= now) break
        split.position += 1
        split.readAt = now
        split.watermark = Math.max(split.watermark, Math.min(event ?? at, at) - DELAY)
        if (event === null) continue
        this.#raw.push(event)
        const end = windowEnd(event)
        if (end <= this.#watermark) this.dropped.add(end)
        else this.#open.add(end)
      }
    }
  }

  /** A task that has nothing to read holds the others up until it counts as idle. */
  #sourceWatermark(now: number): number {
    const { tasks, idle } = this.#settings
    let smallest = Number.POSITIVE_INFINITY
    for (let task = 0; task < tasks; task++) {
      const own = this.#splits.filter((_, partition) => partition % tasks === task)
      const active = own.filter(({ readAt }) => now - readAt <= idle)
      if (active.length > 0) smallest = Math.min(smallest, ...active.map((one) => one.watermark))
      else if (own.length === 0 && now - this.#startedAt <= idle) return Number.NEGATIVE_INFINITY
    }
    return Number.isFinite(smallest) ? smallest : Number.NEGATIVE_INFINITY
  }

  #closeWindows(): void {
    this.#watermark = Math.max(this.#watermark, this.#sent)
    for (const end of this.#open) {
      if (end > this.#watermark) continue
      this.#open.delete(end)
      this.#rows.push(end)
    }
  }

  #begin(): void {
    this.#checkpoint += 1
    const positions = this.#splits.map(({ position }) => position)
    const state = { positions, watermark: this.#watermark, open: new Set(this.#open) }
    this.#begun = { id: this.#checkpoint, state, raw: this.#raw, rows: this.#rows }
    this.#raw = []
    this.#rows = []
  }

  #complete(): void {
    if (this.#begun === null) return
    const { id, state, raw, rows } = this.#begun
    this.#begun = null
    this.durable = state
    this.taken = [...state.positions]
    const commit = { jobId: this.jobId, checkpointId: id }
    const commits = [raw, rows].map((added, table) => {
      const empty = added.length > 0 ? 0 : (this.#emptyCommits[table] ?? 0) + 1
      this.#emptyCommits[table] = empty % EMPTY_COMMITS
      return empty % EMPTY_COMMITS === 0 ? commit : (this.tables.commits[table] ?? null)
    })
    this.tables = {
      first: Math.min(this.tables.first, ...raw),
      last: Math.max(this.tables.last, ...raw),
      rowsUntil: Math.max(this.tables.rowsUntil, ...rows),
      commits,
    }
  }
}
