/**
 * Fills the engine's row block from JavaScript, as the parser would: the seam between the engine's
 * two halves.
 */

import type { LineParser } from '../../src/engine/line-parser.ts'
import { type RecentIds, type RowBatch, rowBatchOf } from '../../src/engine/row-batch.ts'
import {
  type ColumnsExports,
  instantiate,
  loadModule,
  type WasmGlobal,
} from '../../src/engine/wasm.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'

/** `millionths` is given apart from `revenue`, as the columns must not care how it was made. */
export type Row = Readonly<{
  verdict: number
  type: number
  timestampUs: bigint
  revenue: number
  millionths: bigint
  /** event_id, user_id, campaign_id, platform, country, device_type. */
  strings: readonly (string | null)[]
}>

type BlockExports = ColumnsExports &
  Record<
    'TYPE' | 'TIMESTAMP' | 'REVENUE' | 'MILLIONTHS' | 'STRING_ADDRESS' | 'STRING_LENGTH',
    WasmGlobal
  > & { reserve(bytes: number): number }

export type BlockBatch = RowBatch & {
  addRows(rows: readonly Row[], arrivalUs: number): ReturnType<RowBatch['add']>
}

export const NO_RECENT_IDS: RecentIds = { admit: () => {} }

const STRING_SPACE_BYTES = 4 << 20

export async function openBlockBatch(
  options: Readonly<{ windowUs: number; seed?: bigint; recentIds?: RecentIds; rowsMax?: number }>,
): Promise<BlockBatch> {
  const engine = instantiate<BlockExports>(await loadModule('engine'))
  const strings = engine.reserve(STRING_SPACE_BYTES)
  let waiting: readonly Row[] = []
  const parser: LineParser = {
    load: () => {},
    next: () => {
      const block = waiting.slice(0, engine.BLOCK_ROWS.value)
      waiting = waiting.slice(block.length)
      fillBlock(engine, strings, block)
      return block.length
    },
  }
  const batch = rowBatchOf(engine, parser, {
    windowUs: options.windowUs,
    seed: options.seed ?? 0x0123456789abcdef_fedcba9876543210n,
    recentIds: options.recentIds ?? NO_RECENT_IDS,
    ...(options.rowsMax === undefined ? {} : { rowsMax: options.rowsMax }),
  })
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(batch),
      addRows: {
        value: (rows: readonly Row[], arrivalUs: number) => {
          waiting = rows
          return batch.add(new Uint8Array(), {
            arrivalUs,
            keptFromUs: KEEPS_ALL_US,
            dedupeUs: arrivalUs,
          })
        },
      },
    },
  ) as BlockBatch
}

function fillBlock(engine: BlockExports, strings: number, rows: readonly Row[]): void {
  const view = new DataView(engine.memory.buffer)
  const memory = Buffer.from(engine.memory.buffer)
  let to = strings
  for (const [
    row,
    { verdict, type, timestampUs, revenue, millionths, strings: texts },
  ] of rows.entries()) {
    view.setUint8(engine.VERDICT.value + row, verdict)
    view.setUint8(engine.TYPE.value + row, type)
    view.setBigInt64(engine.TIMESTAMP.value + row * 8, timestampUs, true)
    view.setFloat64(engine.REVENUE.value + row * 8, revenue, true)
    view.setBigInt64(engine.MILLIONTHS.value + row * 8, millionths, true)
    for (const [field, text] of texts.entries()) {
      const at = (field * engine.BLOCK_ROWS.value + row) * 4
      const length = text === null ? 0xffffffff : memory.write(text, to)
      view.setUint32(engine.STRING_ADDRESS.value + at, to, true)
      view.setUint32(engine.STRING_LENGTH.value + at, length, true)
      if (text !== null) to += length
    }
    // What lies behind a string must not matter.
    memory.fill(row & 0xff, to, to + 32)
  }
}
