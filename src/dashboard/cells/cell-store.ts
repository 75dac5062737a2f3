/**
 * Files of cells beside the raw files they are derived from: made in the background, one for each
 * raw file that is worth it, and asked before the raw files.
 *
 *   list of raw files ──► missing ──► readCells ──► <hash of the raw file's path>.cells
 *                    ├──► merged ──► answered by the cells of its inputs, until it has its own
 *                    └──► no longer listed ──► removed
 *
 * A raw file never changes, so its cells are valid for as long as it is in the table, whoever wrote
 * or replaced it. What is lost, damaged or not made yet costs time only: the raw file is read
 * instead.
 */
import { existsSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TimeSpan } from '../../event.ts'
import type { LakeFile, MergedRawFile } from '../../job.ts'
import type { EventSelection, SumRows, SumsQuery } from '../../query.ts'
import { makeFolder } from '../../runtime.ts'
import { type CellsIndex, cellsName } from './cell-file.ts'
import type { MakeCells } from './make-cells.ts'
import { addCells, readIndex } from './scan.ts'
import { SumsCollector } from './sums-collector.ts'

export type CellStoreOptions = Readonly<{
  folder: string
  bytesMax: number
  windowUs: number
  /** Of raw files that have no cells. */
  sumEvents: SumsQuery['sumEvents']
  make: MakeCells
  nowMs: () => number
  pause: (durationMs: number) => Promise<void>
  /** Reading a smaller raw file costs as much as reading its cells. */
  rawRowsMin?: number
}>

const RAW_ROWS_MIN = 4_096
/**
 * After each file a pause so many times as long as making it took: other work needs the processors
 * as well. Shorter while somebody asks for filters and raw files would have to be read for it.
 */
const PAUSE_TIMES = 9
const PAUSE_TIMES_ASKED = 1
/** On a busy machine making takes long because others work. */
const PAUSE_MS_MAX = 30_000
/** How long after a question another one is expected. */
const ASKED_MS = 10 * 60_000
const FAILURE_PAUSE_MS = 60_000
/** What had to make room is not made again at once, even if there is room again. */
const DISPLACED_PAUSE_MS = 60 * 60_000
/** Left free on the disk. */
const FREE_BYTES_MIN = 512 * 2 ** 20
/** What cells take at most, or nearly so: each event a cell of its own that earned something. */
const BYTES_AN_EVENT = 24
/** Of indexes held in memory. */
const INDEX_BYTES_MAX = 16 * 2 ** 20

/** The cells of a raw file; of one that was merged, those of its inputs until it has its own. */
type Ready = Readonly<{ day: number; rows: number; parts: readonly CellsPart[] }>
type CellsPart = Readonly<{ file: string; bytes: number }>

export class CellStore {
  readonly #options: CellStoreOptions
  /** By the path of the raw file. */
  readonly #ready = new Map<string, Ready>()
  #listed: ReadonlyMap<string, LakeFile> = new Map()
  /** Raw files of commits, whose cells come before all others. */
  readonly #fresh = new Set<string>()
  /** Raw files whose cells are no gain, have no room, or could not be made: when to try again. */
  readonly #passedMs = new Map<string, number>()
  /** What cells that had no room would take. */
  readonly #neededBytes = new Map<string, number>()
  readonly #indexes = new Map<string, Readonly<{ index: CellsIndex; bytes: number }>>()
  #askedMs = Number.NEGATIVE_INFINITY
  #opening: Promise<void> | null = null
  #isClosed = false
  #missingWork: Promise<void> | null = null
  #mergedWork: Promise<void> | null = null

  constructor(options: CellStoreOptions) {
    this.#options = options
  }

  /** Bytes on the disk. */
  get bytes(): number {
    let bytes = 0
    for (const ready of this.#ready.values()) bytes += bytesOf(ready)
    return bytes
  }

  /** How many raw files have cells. */
  get files(): number {
    return this.#ready.size
  }

  /**
   * The raw files that the table consists of now; `added`: by a commit, just now; `merged`: since
   * the call before.
   */
  setFiles(
    files: readonly LakeFile[],
    added: readonly LakeFile[],
    merged: readonly MergedRawFile[],
  ): void {
    this.#listed = new Map(files.map((file) => [file.path, file]))
    for (const each of merged) this.#takeOver(each)
    for (const { path } of added) this.#fresh.add(path)
    for (const path of this.#fresh) if (!this.#listed.has(path)) this.#fresh.delete(path)
    for (const known of [this.#passedMs, this.#neededBytes]) {
      for (const path of known.keys()) if (!this.#listed.has(path)) known.delete(path)
    }
    for (const [path, { rows }] of this.#ready) {
      if (this.#listed.get(path)?.rows !== rows) this.#remove(path)
    }
    this.wake()
  }

  /** Makes what is missing, in the background. Call it now and then: what failed is tried again. */
  wake(): void {
    if (this.#isClosed) return
    this.#missingWork ??= this.#work(
      () => this.#nextMissing(),
      () => (this.#isAsked() ? PAUSE_TIMES_ASKED : PAUSE_TIMES),
    ).finally(() => {
      this.#missingWork = null
    })
    this.#mergedWork ??= this.#work(
      () => this.#nextMerged(),
      () => PAUSE_TIMES,
    ).finally(() => {
      this.#mergedWork = null
    })
  }

  /** Resolves when nothing is being made. */
  async idle(): Promise<void> {
    while (this.#missingWork !== null || this.#mergedWork !== null) {
      await Promise.all([this.#missingWork, this.#mergedWork])
    }
  }

  /** As the query's: of cells where there are some, and of raw files for the rest. */
  async sumEvents(
    paths: readonly string[],
    stretch: TimeSpan,
    stepUs: number,
    selection: EventSelection,
  ): Promise<SumRows> {
    this.#askedMs = this.#options.nowMs()
    const { sumEvents } = this.#options
    // Of this moment: cells are made and removed while others are read.
    const withCells = new Map(
      paths.flatMap((path) => {
        const ready = this.#ready.get(path)
        return ready === undefined ? [] : [[path, ready] as const]
      }),
    )
    if (withCells.size === 0) return await sumEvents(paths, stretch, stepUs, selection)
    const collector = new SumsCollector(stretch, stepUs)
    for (const [path, ready] of withCells) {
      for (const { file } of ready.parts) {
        try {
          addCells(file, this.#indexOf(file), stretch, selection, collector)
        } catch {
          // Part of it may be added already: begin anew, without these cells if they are damaged.
          if (this.#ready.get(path) === ready) this.#remove(path)
          return await this.sumEvents(paths, stretch, stepUs, selection)
        }
        await nextTurn()
      }
    }
    const without = paths.filter((path) => !withCells.has(path))
    if (without.length > 0) collector.add(await sumEvents(without, stretch, stepUs, selection))
    return collector.take()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  #indexOf(file: string): CellsIndex {
    const known = this.#indexes.get(file)
    this.#indexes.delete(file)
    const entry = known ?? indexEntry(file)
    this.#indexes.set(file, entry)
    let bytes = 0
    for (const one of this.#indexes.values()) bytes += one.bytes
    for (const [oldest, one] of this.#indexes) {
      if (bytes <= INDEX_BYTES_MAX || oldest === file) break
      this.#indexes.delete(oldest)
      bytes -= one.bytes
    }
    return entry.index
  }

  #remove(path: string): void {
    const parts = this.#ready.get(path)?.parts ?? []
    this.#ready.delete(path)
    this.#removeParts(parts)
  }

  #removeParts(parts: readonly CellsPart[]): void {
    for (const { file } of parts) {
      this.#indexes.delete(file)
      rmSync(file, { force: true })
    }
  }

  /** A merged file has the rows of its inputs, and so their cells, if all of them have some. */
  #takeOver({ path, from }: MergedRawFile): void {
    const inputs = from.flatMap((input) => this.#ready.get(input) ?? [])
    const [first] = inputs
    if (first === undefined || inputs.length < from.length || this.#ready.has(path)) return
    const rows = inputs.reduce((sum, input) => sum + input.rows, 0)
    this.#ready.set(path, { day: first.day, rows, parts: inputs.flatMap(({ parts }) => parts) })
    for (const input of from) this.#ready.delete(input)
  }

  #isAsked(): boolean {
    return this.#options.nowMs() - this.#askedMs < ASKED_MS
  }

  /** Makes cells as long as there is a raw file to make some for. Does not reject. */
  async #work(next: () => LakeFile | null, pauseTimes: () => number): Promise<void> {
    try {
      this.#opening ??= this.#openFolder()
      await this.#opening.catch((error: unknown) => {
        this.#opening = null
        throw error
      })
      for (let raw = next(); raw !== null && !this.#isClosed; raw = next()) {
        const startMs = this.#options.nowMs()
        await this.#make(raw)
        const pauseMs = (this.#options.nowMs() - startMs) * pauseTimes()
        await this.#options.pause(Math.min(pauseMs, PAUSE_MS_MAX))
      }
    } catch {
      // The disk fails: raw files are read instead, and the next call tries again.
    }
  }

  /** Takes what an earlier process has made, and removes the rest. */
  async #openFolder(): Promise<void> {
    const { folder } = this.#options
    const names = existsSync(folder) ? readdirSync(folder) : []
    const raws = new Map([...this.#listed.values()].map((raw) => [cellsName(raw.path), raw]))
    for (const name of names) {
      if (this.#isClosed) return
      const file = join(folder, name)
      const raw = raws.get(name)
      if (raw === undefined || !this.#take(file, raw)) rmSync(file, { force: true })
      await nextTurn()
    }
  }

  /** False if the file is not of this raw file, or damaged as far as it is read at once. */
  #take(file: string, raw: LakeFile): boolean {
    try {
      const { header, bytes } = readIndex(file)
      const isOfRaw =
        header.raw === raw.path &&
        header.rawRows === raw.rows &&
        header.day === raw.day &&
        header.windowUs === this.#options.windowUs
      const { day, rows } = raw
      if (isOfRaw) this.#ready.set(raw.path, { day, rows, parts: [{ file, bytes }] })
      return isOfRaw
    } catch {
      return false
    }
  }

  /** A raw file without cells: of a commit, else of the newest day, which is looked at most. */
  #nextMissing(): LakeFile | null {
    const rowsMin = this.#options.rawRowsMin ?? RAW_ROWS_MIN
    const isMissing = (raw: LakeFile): boolean =>
      raw.rows >= rowsMin && !this.#ready.has(raw.path) && !this.#isPassed(raw)
    for (const path of this.#fresh) {
      const raw = this.#listed.get(path)
      if (raw !== undefined && isMissing(raw)) return raw
      this.#fresh.delete(path)
    }
    return this.#newest(isMissing)
  }

  /** A merged raw file that is answered by the cells of its inputs. */
  #nextMerged(): LakeFile | null {
    return this.#newest(
      (raw) => (this.#ready.get(raw.path)?.parts.length ?? 0) > 1 && !this.#isPassed(raw),
    )
  }

  #newest(isWanted: (raw: LakeFile) => boolean): LakeFile | null {
    let best: LakeFile | null = null
    for (const raw of this.#listed.values()) {
      if (isWanted(raw) && (best === null || raw.day > best.day)) best = raw
    }
    return best
  }

  #isPassed({ path, day }: LakeFile): boolean {
    if (this.#options.nowMs() < (this.#passedMs.get(path) ?? 0)) return true
    const needed = this.#neededBytes.get(path)
    return needed !== undefined && !this.#isWorthRoom(needed, day, path)
  }

  #pass(path: string, durationMs: number): void {
    this.#passedMs.set(path, this.#options.nowMs() + durationMs)
  }

  async #make(raw: LakeFile): Promise<void> {
    const { path, rows: rawRows, day } = raw
    const { folder, windowUs, make } = this.#options
    const file = join(folder, cellsName(path))
    const unfinished = `${file}.unfinished`
    const before = this.#ready.get(path)
    const parts = before?.parts.map((part) => part.file) ?? []
    const isOfUse = (): boolean => this.#listed.has(path) && this.#ready.get(path) === before
    try {
      makeFolder(folder)
      // Before the raw file is read in vain.
      const bytesMost = before === undefined ? rawRows * BYTES_AN_EVENT : bytesOf(before)
      if (!hasFree(folder, bytesMost)) return this.#pass(path, FAILURE_PAUSE_MS)
      const bytes = await make({
        source: { raw: path, rawRows, day, windowUs },
        parts,
        to: unfinished,
      })
      if (bytes === null || !isOfUse()) {
        rmSync(unfinished, { force: true })
        if (isOfUse()) this.#pass(path, Number.POSITIVE_INFINITY)
      } else if (this.#isWorthRoom(bytes, day, path)) {
        this.#makeRoom(bytes, day, path)
        // What is named so is whole, unless a power cut tears it: that shows when it is read.
        renameSync(unfinished, file)
        this.#ready.set(path, { day, rows: rawRows, parts: [{ file, bytes }] })
        this.#neededBytes.delete(path)
        this.#removeParts(before?.parts ?? [])
      } else {
        // The cells of a merged file's inputs stay.
        rmSync(unfinished, { force: true })
        this.#postpone(path, bytes)
      }
    } catch {
      rmSync(unfinished, { force: true })
      // The raw file may be gone by now; else this is tried again, from the events: it may be the
      // cells of an input that are damaged.
      if (isOfUse()) this.#remove(path)
      this.#pass(path, FAILURE_PAUSE_MS)
    }
  }

  /** Whether there is room for so many bytes, or would be without the cells of earlier days. */
  #isWorthRoom(bytes: number, day: number, path: string): boolean {
    let kept = bytes
    for (const [other, ready] of this.#ready) {
      if (ready.day >= day && other !== path) kept += bytesOf(ready)
    }
    return kept <= this.#options.bytesMax
  }

  /** Makes room at the expense of earlier days; what a raw file has so far is replaced. */
  #makeRoom(bytes: number, day: number, path: string): void {
    const room = this.#options.bytesMax - bytes + bytesOf(this.#ready.get(path))
    const earlier = [...this.#ready].filter(([, ready]) => ready.day < day)
    for (const [older, ready] of earlier.sort(([, a], [, b]) => a.day - b.day)) {
      if (this.bytes <= room) return
      this.#remove(older)
      this.#postpone(older, bytesOf(ready))
    }
  }

  /** There is no room for the cells of a raw file, which would take so many bytes. */
  #postpone(path: string, bytes: number): void {
    this.#neededBytes.set(path, bytes)
    this.#pass(path, DISPLACED_PAUSE_MS)
  }
}

function hasFree(folder: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize >= bytes + FREE_BYTES_MIN
}

function bytesOf(ready: Ready | undefined): number {
  return ready?.parts.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0
}

/** Names of campaigns are most of an index. */
function indexEntry(file: string): Readonly<{ index: CellsIndex; bytes: number }> {
  const index = readIndex(file)
  const { header, cuboids } = index
  const named = header.campaigns.reduce((sum, name) => sum + name.length * 2 + 16, 0)
  const held = cuboids.reduce(
    (sum, { groups, counts, blocks }) =>
      sum + groups.byteLength + counts.byteLength + blocks.length * 64,
    0,
  )
  return { index, bytes: named + held }
}
