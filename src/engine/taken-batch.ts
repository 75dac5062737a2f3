/**
 * What is taken from a row batch: per day the columns as Parquet pages, and what each window gains.
 * It is copied out of WebAssembly memory, so that the engine can go on with the next batch while
 * this one is written.
 *
 * The layouts read here are described in assembly/pages.ts, columns-days.ts and aggregate.ts.
 */
import {
  type DayRows,
  type EncodedColumn,
  type EncodedPage,
  EVENT_COLUMNS,
  type WindowDelta,
} from '../event.ts'
import type { ColumnsExports } from './wasm.ts'

export type TakenBatch = Readonly<{
  days: readonly DayRows[]
  windows: readonly WindowDelta[]
}>

const DAY_US = 86_400_000_000
const DAY_BYTES = 32
const PAGE_BYTES = 48
const WINDOW_BYTES = 64

export function readDays(engine: ColumnsExports): DayRows[] {
  const days: DayRows[] = []
  const count = engine.prepareDays()
  for (let day = 0; day < count; day++) {
    const columns = EVENT_COLUMNS.map((name, column) => {
      engine.encodeColumn(column, day)
      return readColumn(engine, name)
    })
    const entry = new DataView(
      engine.memory.buffer,
      (engine.dayEntries() >>> 0) + day * DAY_BYTES,
      DAY_BYTES,
    )
    days.push({
      day: Number(entry.getBigInt64(0, true)) / DAY_US,
      rows: entry.getUint32(8, true),
      arrivalMinUs: Number(entry.getBigInt64(16, true)),
      arrivalMaxUs: Number(entry.getBigInt64(24, true)),
      columns,
    })
  }
  return days.sort((a, b) => a.day - b.day)
}

function readColumn(engine: ColumnsExports, name: string): EncodedColumn {
  const bytes = new Uint8Array(engine.memory.buffer)
  const view = new DataView(engine.memory.buffer)
  const word = (offset: number): number => view.getUint32(engine.COLUMN.value + offset, true)
  const bound = (at: number) => readBound(bytes, word(at), word(at + 4))
  const pages: EncodedPage[] = []
  const firstPage = word(4)
  for (let page = 0; page < word(0); page++) {
    pages.push(readPage(bytes, view, firstPage + page * PAGE_BYTES))
  }
  return { name, values: word(28), nullCount: word(8), min: bound(12), max: bound(20), pages }
}

/** Address 0: there is none. */
function readBound(bytes: Uint8Array, address: number, length: number): Uint8Array | null {
  return address === 0 ? null : bytes.slice(address, address + length)
}

function readPage(bytes: Uint8Array, view: DataView, page: number): EncodedPage {
  const word = (offset: number): number => view.getUint32(page + offset, true)
  const [headLength, bodyLength] = [word(16), word(24)]
  const joined = new Uint8Array(headLength + bodyLength)
  joined.set(bytes.subarray(word(12), word(12) + headLength))
  joined.set(bytes.subarray(word(20), word(20) + bodyLength), headLength)
  return {
    kind: word(0) === 0 ? 'dictionary' : 'data',
    encoding: word(4) === 0 ? 'PLAIN' : 'RLE_DICTIONARY',
    values: word(8),
    nullCount: word(28),
    min: readBound(bytes, word(32), word(36)),
    max: readBound(bytes, word(40), word(44)),
    bytes: joined,
  }
}

export function readWindows(engine: ColumnsExports): WindowDelta[] {
  const view = new DataView(engine.memory.buffer)
  const campaigns = new Map<number, string>()
  const windows: WindowDelta[] = []
  let entry = engine.windowEntries() >>> 0
  for (let left = engine.windowCount(); left > 0; left--, entry += WINDOW_BYTES) {
    const code = view.getUint32(entry + 8, true)
    let campaignId = campaigns.get(code)
    if (campaignId === undefined) {
      campaignId = readCampaign(engine, view, code)
      campaigns.set(code, campaignId)
    }
    windows.push({
      campaignId,
      windowStartUs: Number(view.getBigInt64(entry, true)),
      impressions: Number(view.getBigUint64(entry + 16, true)),
      clicks: Number(view.getBigUint64(entry + 24, true)),
      conversions: Number(view.getBigUint64(entry + 32, true)),
      revenueMillionths:
        (view.getBigInt64(entry + 48, true) << 64n) + view.getBigUint64(entry + 40, true),
    })
  }
  return windows
}

function readCampaign(engine: ColumnsExports, view: DataView, code: number): string {
  const record = engine.campaignRecord(code) >>> 0
  const length = view.getUint32(record + 4, true)
  return Buffer.from(view.buffer as ArrayBuffer, record + 8, length).toString('utf8')
}
