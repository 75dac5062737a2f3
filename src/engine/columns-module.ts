/** The columns half of the WebAssembly module `engine`, as its source `assembly/columns-entry.ts` exports it.
 * Addresses come as signed numbers: `>>> 0` before use. */
import type { WasmGlobal, WasmMemory } from './wasm.ts'

export type ColumnsExports = {
  memory: WasmMemory
  /** The row block, see assembly/rows.ts. */
  BLOCK_ROWS: WasmGlobal
  VERDICT: WasmGlobal
  START: WasmGlobal
  END: WasmGlobal
  TIMESTAMP: WasmGlobal
  /** 16 bytes and 1 byte by block row. */
  HASHES: WasmGlobal
  MASK: WasmGlobal
  /** What `encodeColumn` answers, see assembly/pages.ts. */
  COLUMN: WasmGlobal
  openColumns(windowUs: number, seedLow: bigint, seedHigh: bigint): void
  resetColumns(): void
  hashBlock(rows: number): number
  appendBlock(rows: number, arrivalUs: number): number
  aggregateBlock(): void
  batchRows(): number
  batchBytes(): number
  windowCount(): number
  windowEntries(): number
  campaignRecord(code: number): number
  prepareDays(): number
  dayEntries(): number
  encodeColumn(column: number, day: number): void
  scratch(bytes: number): number
  hashPacked(address: number, count: number, out: number): void
}
