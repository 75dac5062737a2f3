/**
 * Files of cells beside the raw files they are derived from: made in the background, one for each
 * raw file that is worth it, and asked before the raw files.
 *
 *   list of raw files ──► missing ──► readCells ──► <hash of the raw file's path>.cells
 *                    └──► no longer listed ──► removed
 *
 * A raw file never changes, so its cells are valid for as long as it is in the table, whoever wrote
 * or replaced it. What is lost, damaged or not made yet costs time only: the raw file is read
 * instead.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TimeSpan } from '../../event.ts'
import type { LakeFile } from '../../job.ts'
import type { EventSelection, SumRows, SumsQuery } from '../../query.ts'
import { makeFolder } from '../../runtime.ts'
import { type CellsIndex, encodeCells, isWhole } from './cell-file.ts'
import { addCells, readIndex } from './scan.ts'
import { SumsCollector } from './sums-collector.ts'

export type CellStoreOptions = Readonly<{
  folder: string
  bytesMax: number
  windowUs: number
  /** Of raw files that have no cells. */
  sumEvents: SumsQuery['sumEvents']
  readCells: SumsQuery['readCells']
  nowMs: () => number
  pause: (durationMs: number) => Promise<void>
  /** Reading a smaller raw file costs as much as reading its cells. */
  rawRowsMin?: number
}>

const RAW_ROWS_MIN = 4_096
/** After each file so many times as long as it took: other work needs the processors as well. */
const PAUSE_TIMES = 4
/** A file of one commit is merged within about this time. Until then, cells only pay for readers. */
const YOUNG_MS = 150_000
const ASKED_MS = 10 * 60_000
const FAILURE_PAUSE_MS = 60_000
/** Left free on the disk. */
const FREE_BYTES_MIN = 512 * 2 ** 20
/** Of indexes held in memory. */
const INDEX_BYTES_MAX = 16 * 2 ** 20
const SUFFIX = '.cells'

type Ready = Readonly<{ file: string; bytes: number; day: number }>

export class CellStore {
  readonly #options: CellStoreOptions
  /** By the path of the raw file. */
  readonly #ready = new Map<string, Ready>()
  #listed: ReadonlyMap<string, LakeFile> = new Map()
  /** When a raw file was first listed, for those of commits. */
  readonly #bornMs = new Map<string, number>()
  /** Raw files that cells are no gain for, or that could not be read: when to try again. */
  readonly #passedMs = new Map<string, number>()
  readonly #indexes = new Map<string, Readonly<{ index: CellsIndex; bytes: number }>>()
  #askedMs = Number.NEGATIVE_INFINITY
  #hasFolder = false
  #isClosed = false
  #work: Promise<void> | null = null

  constructor(options: CellStoreOptions) {
    this.#options = options
  }

  /** Bytes on the disk. */
  get bytes(): number {
    let bytes = 0
    for (const ready of this.#ready.values()) bytes += ready.bytes
    return bytes
  }

  /** How many raw files have cells. */
  get files(): number {
    return this.#ready.size
  }

  /** The raw files that the table consists of now; `added`: by a commit, just now. */
  setFiles(files: readonly LakeFile[], added: readonly LakeFile[]): void {
    this.#listed = new Map(files.map((file) => [file.path, file]))
    const nowMs = this.#options.nowMs()
    for (const { path } of added) this.#bornMs.set(path, nowMs)
    for (const path of this.#bornMs.keys()) if (!this.#listed.has(path)) this.#bornMs.delete(path)
    for (const path of this.#passedMs.keys()) {
      if (!this.#listed.has(path)) this.#passedMs.delete(path)
    }
    for (const path of this.#ready.keys()) if (!this.#listed.has(path)) this.#remove(path)
    this.wake()
  }

  /** Makes what is missing, in the background. Call it now and then: files grow old. */
  wake(): void {
    if (this.#work !== null || this.#isClosed) return
    this.#work = this.#makeMissing()
      // The disk fails: raw files are read instead, and the next call tries again.
      .catch(() => {})
      .finally(() => {
        this.#work = null
      })
  }

  /** Resolves when nothing is being made. */
  async idle(): Promise<void> {
    while (this.#work !== null) await this.#work
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
      try {
        addCells(ready.file, this.#indexOf(path, ready), stretch, selection, collector)
      } catch {
        // Part of it may be added already: begin anew without this file.
        this.#remove(path)
        return await this.sumEvents(paths, stretch, stepUs, selection)
      }
      await nextTurn()
    }
    const without = paths.filter((path) => !withCells.has(path))
    if (without.length > 0) collector.add(await sumEvents(without, stretch, stepUs, selection))
    return collector.take()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  #indexOf(path: string, { file }: Ready): CellsIndex {
    const known = this.#indexes.get(path)
    this.#indexes.delete(path)
    const entry = known ?? indexEntry(file)
    this.#indexes.set(path, entry)
    let bytes = 0
    for (const one of this.#indexes.values()) bytes += one.bytes
    for (const [oldest, one] of this.#indexes) {
      if (bytes <= INDEX_BYTES_MAX || oldest === path) break
      this.#indexes.delete(oldest)
      bytes -= one.bytes
    }
    return entry.index
  }

  #remove(path: string): void {
    const ready = this.#ready.get(path)
    this.#ready.delete(path)
    this.#indexes.delete(path)
    if (ready !== undefined) rmSync(ready.file, { force: true })
  }

  async #makeMissing(): Promise<void> {
    if (!this.#hasFolder) await this.#openFolder()
    for (;;) {
      const next = this.#nextMissing()
      if (next === null || this.#isClosed) return
      const startMs = this.#options.nowMs()
      await this.#make(next)
      await this.#options.pause((this.#options.nowMs() - startMs) * PAUSE_TIMES)
    }
  }

  /** Takes what an earlier process has made, and removes the rest. */
  async #openFolder(): Promise<void> {
    const { folder } = this.#options
    const names = existsSync(folder) ? readdirSync(folder) : []
    const raws = new Map([...this.#listed.values()].map((raw) => [fileName(raw.path), raw]))
    for (const name of names) {
      if (this.#isClosed) return
      const file = join(folder, name)
      const raw = raws.get(name)
      if (raw === undefined || !this.#isValid(file, raw)) rmSync(file, { force: true })
      else this.#ready.set(raw.path, { file, bytes: statSync(file).size, day: raw.day })
      await nextTurn()
    }
    this.#hasFolder = true
  }

  #isValid(file: string, raw: LakeFile): boolean {
    try {
      if (!isWhole(readFileSync(file))) return false
      const { header } = readIndex(file)
      return (
        header.raw === raw.path &&
        header.rawRows === raw.rows &&
        header.day === raw.day &&
        header.windowUs === this.#options.windowUs
      )
    } catch {
      return false
    }
  }

  /** Of the newest day first: it is looked at most. */
  #nextMissing(): LakeFile | null {
    const nowMs = this.#options.nowMs()
    const isAsked = nowMs - this.#askedMs < ASKED_MS
    const rowsMin = this.#options.rawRowsMin ?? RAW_ROWS_MIN
    let best: LakeFile | null = null
    for (const raw of this.#listed.values()) {
      const isYoung = nowMs - (this.#bornMs.get(raw.path) ?? 0) < YOUNG_MS
      if (raw.rows < rowsMin || this.#ready.has(raw.path) || (isYoung && !isAsked)) continue
      if (nowMs < (this.#passedMs.get(raw.path) ?? 0)) continue
      if (best === null || raw.day > best.day) best = raw
    }
    return best
  }

  async #make(raw: LakeFile): Promise<void> {
    const { path, rows: rawRows, day } = raw
    const { folder, windowUs, readCells } = this.#options
    try {
      const cells = await readCells(path, windowUs)
      if (!this.#listed.has(path)) return
      const parts =
        cells === null ? null : encodeCells(cells, { raw: path, rawRows, day, windowUs })
      const bytes = parts?.reduce((sum, part) => sum + part.length, 0) ?? 0
      makeFolder(folder)
      if (parts === null || !this.#hasRoom(bytes, day)) {
        this.#passedMs.set(path, Number.POSITIVE_INFINITY)
        return
      }
      const file = join(folder, fileName(path))
      publish(file, parts)
      this.#ready.set(path, { file, bytes, day })
    } catch {
      // The raw file may be gone by now; else this is tried again.
      this.#passedMs.set(path, this.#options.nowMs() + FAILURE_PAUSE_MS)
    }
  }

  /** Makes room for so many bytes at the expense of earlier days. */
  #hasRoom(bytes: number, day: number): boolean {
    const { folder, bytesMax } = this.#options
    const { bavail, bsize } = statfsSync(folder)
    if (bavail * bsize < bytes + FREE_BYTES_MIN) return false
    const earlier = [...this.#ready].filter(([, ready]) => ready.day < day)
    for (const [path] of earlier.sort(([, a], [, b]) => a.day - b.day)) {
      if (this.bytes + bytes <= bytesMax) break
      this.#remove(path)
      this.#passedMs.set(path, Number.POSITIVE_INFINITY)
    }
    return this.bytes + bytes <= bytesMax
  }
}

function fileName(rawPath: string): string {
  return createHash('sha256').update(rawPath).digest('hex').slice(0, 40) + SUFFIX
}

/** What is named so is whole, unless a power cut tears it: that shows when it is opened again. */
function publish(file: string, parts: readonly Uint8Array[]): void {
  const unfinished = `${file}.unfinished`
  try {
    writeFileSync(unfinished, Buffer.concat(parts))
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

/** Names of campaigns are most of an index. */
function indexEntry(file: string): Readonly<{ index: CellsIndex; bytes: number }> {
  const index = readIndex(file)
  const { header, groups } = index
  const bytes = header.campaigns.reduce(
    (sum, name) => sum + name.length * 2 + 16,
    groups.length * 64,
  )
  return { index, bytes }
}
