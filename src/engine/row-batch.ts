/**
 * The job's view of the engine: lines in, columns and window sums out, a block of 1024 events at a
 * time.
 *
 *   lines ─► parse ─► row block ─► hash ids ─► recentIds.admit
 *                                                 └─► append ─► columns, windows ─► take()
 *
 * Everything from parse to append works on bytes in WebAssembly memory; JavaScript sees blocks.
 */

import type { WindowDelta } from '../event.ts'
import { EngineError } from './error.ts'
import { type RejectedEvent, readRejected } from './inspector.ts'
import { type LineParser, openLineParser } from './line-parser.ts'
import { readDays, readWindows, type TakenBatch } from './taken-batch.ts'
import {
  asEngineError,
  type ColumnsExports,
  instantiate,
  loadModule,
  type ParserExports,
} from './wasm.ts'

/**
 * Rows, and bytes of columns, past which a batch is full. 64 MiB of events stay far below either.
 */
const ROWS_MAX = 1 << 22
const COLUMN_BYTES_MAX = 1 << 29

const HASH_BYTES = 16

/** The memory of event ids; implemented by the job. */
export type RecentIds = {
  /**
   * `mask` in: 1 = skip, the event is rejected; out: 1 = skip, or a duplicate. `hashes` holds 16
   * bytes a row.
   */
  admit(hashes: Uint8Array, rows: number, mask: Uint8Array, dedupeUs: number): void
}

/** The times of lines that arrived together, in microseconds. */
type LineTimes = Readonly<{
  arrivalUs: number
  /** The start of the oldest day that the tables keep. */
  keptFromUs: number
  /** By the clock by which event ids age; passed on to `RecentIds`. */
  dedupeUs: number
  /**
   * Events dated from here on are in the tables already: their ids are remembered, but they are not
   * stored again.
   */
  storedFromUs?: number
}>

export type RowBatchOptions = Readonly<{
  windowUs: number
  /** Keys the hashes; 128 bits of it are used. Each process draws its own. */
  seed: bigint
  recentIds: RecentIds
  /** Rows past which the batch is full; 4 Mi unless given. */
  rowsMax?: number
}>

export type AddedLines = Readonly<{
  /** stored + already + duplicates + rejected. */
  events: number
  stored: number
  /** Events that are in the tables already by `storedFromUs`, including repeats of them. */
  already: number
  duplicates: number
  rejected: readonly RejectedEvent[]
}>

export type RowBatch = {
  /**
   * Takes accepted lines (NDJSON). Throws EngineError `batch-full` when `full`; nothing is taken
   * then.
   */
  add(lines: Uint8Array, times: LineTimes): AddedLines
  /** The hashes `add` gives these ids, 16 bytes each: for rebuilding the memory from raw files. */
  hashIds(ids: readonly Uint8Array[]): Uint8Array
  /** Stored rows since the last `take`. */
  readonly rows: number
  /** Bytes of the lines added since the last `take`. */
  readonly rawBytes: number
  /** Windows touched since the last `take`. */
  readonly windows: number
  /** Whether it must be taken before more is added. */
  readonly full: boolean
  /**
   * What the windows have gained since the last `take`. Nothing changes: the next `take` gives it
   * again.
   */
  peekWindows(): readonly WindowDelta[]
  /** Encodes the rows, copies them out and starts the next batch. */
  take(): TakenBatch
}

export async function openRowBatch(options: RowBatchOptions): Promise<RowBatch> {
  const engine = instantiate<ColumnsExports & ParserExports>(await loadModule('engine'))
  return rowBatchOf(engine, openLineParser(engine), options)
}

/** The batch over an engine and the parser that fills its row block. */
export function rowBatchOf(
  engine: ColumnsExports,
  parser: LineParser,
  options: RowBatchOptions,
): RowBatch {
  const { recentIds, rowsMax = ROWS_MAX } = options
  engine.openColumns(
    options.windowUs,
    BigInt.asUintN(64, options.seed),
    BigInt.asUintN(64, options.seed >> 64n),
  )
  let rawBytes = 0

  function isFull(): boolean {
    return engine.batchRows() >= rowsMax || engine.batchBytes() >= COLUMN_BYTES_MAX
  }

  function addBlocks(lines: Uint8Array, times: LineTimes): AddedLines {
    const { arrivalUs, keptFromUs, dedupeUs, storedFromUs = Number.POSITIVE_INFINITY } = times
    const nextRows = (): number => parser.next(arrivalUs, keptFromUs)
    parser.load(lines)
    const rejected: RejectedEvent[] = []
    let events = 0
    let stored = 0
    let already = 0
    for (let rows = nextRows(); rows > 0; rows = nextRows()) {
      if (engine.hashBlock(rows) > 0) readRejected(engine, rows, events, rejected)
      const { buffer } = engine.memory
      const hashes = new Uint8Array(buffer, engine.HASHES.value, rows * HASH_BYTES)
      const mask = new Uint8Array(buffer, engine.MASK.value, rows)
      recentIds.admit(hashes, rows, mask, dedupeUs)
      if (Number.isFinite(storedFromUs)) already += maskStored(engine, rows, mask, storedFromUs)
      stored += engine.appendBlock(rows, arrivalUs)
      engine.aggregateBlock()
      events += rows
    }
    const duplicates = events - stored - already - rejected.length
    return { events, stored, already, duplicates, rejected }
  }

  return {
    add(lines, times) {
      if (isFull()) throw new EngineError('batch-full', { rows: engine.batchRows(), rawBytes })
      try {
        const added = addBlocks(lines, times)
        rawBytes += lines.length
        return added
      } catch (error) {
        throw asEngineError(error, `add ${lines.length} bytes`)
      }
    },
    hashIds: (ids) => hashPacked(engine, ids),
    get rows() {
      return engine.batchRows()
    },
    get rawBytes() {
      return rawBytes
    },
    get windows() {
      return engine.windowCount()
    },
    get full() {
      return isFull()
    },
    peekWindows: () => readWindows(engine),
    take() {
      try {
        const taken = { days: readDays(engine), windows: readWindows(engine) }
        engine.resetColumns()
        rawBytes = 0
        return taken
      } catch (error) {
        throw asEngineError(error, `encode ${engine.batchRows()} rows`)
      }
    },
  }
}

/**
 * Masks the accepted rows dated from `storedFromUs` on, duplicates or not; returns their number.
 */
function maskStored(
  engine: ColumnsExports,
  rows: number,
  mask: Uint8Array,
  storedFromUs: number,
): number {
  const { buffer } = engine.memory
  const verdicts = new Uint8Array(buffer, engine.VERDICT.value, rows)
  const timestamps = new BigInt64Array(buffer, engine.TIMESTAMP.value, rows)
  let count = 0
  for (const [row, timestampUs] of timestamps.entries()) {
    if (verdicts[row] !== 0 || timestampUs < storedFromUs) continue
    mask[row] = 1
    count += 1
  }
  return count
}

/** Packs the ids as u32 length | bytes; hashed in parts, so that memory stays small. */
function hashPacked(engine: ColumnsExports, ids: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(ids.length * HASH_BYTES)
  const partRows = 4096
  for (let first = 0; first < ids.length; first += partRows) {
    const part = ids.slice(first, first + partRows)
    const hashBytes = part.length * HASH_BYTES
    const packedBytes = part.reduce((sum, id) => sum + 4 + id.length, 0)
    const out = engine.scratch(hashBytes + packedBytes) >>> 0
    const memory = new Uint8Array(engine.memory.buffer)
    const view = new DataView(engine.memory.buffer)
    let at = out + hashBytes
    for (const id of part) {
      view.setUint32(at, id.length, true)
      memory.set(id, at + 4)
      at += 4 + id.length
    }
    engine.hashPacked(out + hashBytes, part.length, out)
    hashes.set(memory.subarray(out, out + hashBytes), first * HASH_BYTES)
  }
  return hashes
}
