/** The parser half of the WebAssembly module `engine`, as its source `assembly/parse.ts` exports it. */
import type { WasmGlobal, WasmMemory } from './wasm.ts'

export type ParserExports = {
  memory: WasmMemory
  /** The row block, see assembly/rows.ts. */
  BLOCK_ROWS: WasmGlobal
  VERDICT: WasmGlobal
  START: WasmGlobal
  END: WasmGlobal
  /** 0: the memory cannot grow so far. */
  openInput(bytes: number): number
  inputAddress(): number
  beginBody(bytes: number, form: number, offset: number): void
  parseBlock(arrivalUs: number, keptFromUs: number): number
  rejectedRows(): number
  bodyFault(): number
  gatherLines(rows: number): number
  isBodyItself(): number
}

/** The values of `form`. */
export const FORM_CODES = { lines: 0, array: 1, object: 2 } as const

/** The values of `bodyFault`, 0 being none. */
export const BODY_FAULTS = [null, 'empty', 'not-array', 'unclosed', 'trailing'] as const
