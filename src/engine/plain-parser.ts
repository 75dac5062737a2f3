/** Fills the row block from the plain reference parser, an object per event: stands in for the byte parser. */
import {
  EVENT_TYPES,
  parseEvent,
  REJECTION_REASONS,
  revenueMillionths,
  splitBody,
} from '../event.ts'
import type { BlockParser } from './row-batch.ts'
import type { WasmGlobal, WasmMemory } from './wasm.ts'

export type RowsExports = {
  memory: WasmMemory
  BLOCK_ROWS: WasmGlobal
  VERDICT: WasmGlobal
  START: WasmGlobal
  END: WasmGlobal
  TYPE: WasmGlobal
  TIMESTAMP: WasmGlobal
  REVENUE: WasmGlobal
  MILLIONTHS: WasmGlobal
  STRING_ADDRESS: WasmGlobal
  STRING_LENGTH: WasmGlobal
  reserve(bytes: number): number
}

/** Room for the strings of a block: at most 128 + 2 * 256 + 3 * 64 bytes each. */
const STRING_BYTES_MAX = 1024

export function openPlainParser(engine: RowsExports): BlockParser {
  const blockRows = engine.BLOCK_ROWS.value
  const strings = engine.reserve(blockRows * STRING_BYTES_MAX)
  let lines: Uint8Array = new Uint8Array()
  let spans: readonly { start: number; end: number }[] = []
  let next = 0
  return {
    load(given) {
      const split = splitBody(given, 'lines')
      if ('unsplittable' in split) throw new TypeError('lines always split')
      ;[lines, spans, next] = [given, split, 0]
    },
    next(arrivalUs) {
      const view = new DataView(engine.memory.buffer)
      const memory = new Uint8Array(engine.memory.buffer)
      const first = next
      const writeRow = openRowWriter(engine, view, memory, strings)
      while (next < spans.length && next - first < blockRows) {
        const { start, end } = spans[next] as { start: number; end: number }
        const row = next++ - first
        view.setUint32(engine.START.value + row * 4, start, true)
        view.setUint32(engine.END.value + row * 4, end, true)
        writeRow(row, parseEvent(lines.subarray(start, end), arrivalUs))
      }
      return next - first
    },
  }
}

function openRowWriter(engine: RowsExports, view: DataView, memory: Uint8Array, strings: number) {
  const encoder = new TextEncoder()
  let to = strings
  return (row: number, event: ReturnType<typeof parseEvent>): void => {
    if ('reason' in event) {
      const index = REJECTION_REASONS.findIndex(({ code }) => code === event.reason)
      view.setUint8(engine.VERDICT.value + row, index + 1)
      return
    }
    view.setUint8(engine.VERDICT.value + row, 0)
    view.setUint8(engine.TYPE.value + row, EVENT_TYPES.indexOf(event.eventType))
    view.setBigInt64(engine.TIMESTAMP.value + row * 8, BigInt(event.timestampUs), true)
    view.setFloat64(engine.REVENUE.value + row * 8, event.revenue, true)
    view.setBigInt64(engine.MILLIONTHS.value + row * 8, revenueMillionths(event.revenue), true)
    const { eventId, userId, campaignId, platform, country, deviceType } = event
    for (const [field, text] of [
      eventId,
      userId,
      campaignId,
      platform,
      country,
      deviceType,
    ].entries()) {
      const at = (field * engine.BLOCK_ROWS.value + row) * 4
      const bytes = text === null ? null : encoder.encode(text)
      if (bytes !== null) memory.set(bytes, to)
      view.setUint32(engine.STRING_ADDRESS.value + at, to, true)
      view.setUint32(engine.STRING_LENGTH.value + at, bytes?.length ?? 0xffffffff, true)
      to += bytes?.length ?? 0
    }
  }
}
