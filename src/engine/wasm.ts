/**
 * The engine's WebAssembly modules: compiled once a process and instantiated any number of times,
 * and the types of their exports. Each instance has its own memory, which is freed with it.
 */
import { readFile } from 'node:fs/promises'
import { EngineError } from './error.ts'

/** Node declares no types for WebAssembly; these are the parts used here. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: Readonly<Record<string, unknown>>
  }
  class RuntimeError extends Error {}
}

type WasmModule = WebAssembly.Module

export type WasmMemory = { readonly buffer: ArrayBuffer }

/** A constant of the module, for example an address. */
export type WasmGlobal = { readonly value: number }

const compiled = new Map<string, Promise<WasmModule>>()

/** Compiles src/engine/build/<name>.wasm. */
export function loadModule(name: 'engine' | 'ids'): Promise<WasmModule> {
  const module = compiled.get(name) ?? compileFile(name)
  compiled.set(name, module)
  return module
}

/**
 * The caller asserts the type of the exports: the modules are built from the sources in assembly/.
 */
export function instantiate<Exports>(module: WasmModule): Exports {
  return new WebAssembly.Instance(module).exports as Exports
}

/**
 * Traps happen only when linear memory cannot grow: the machine has no more, or 4 GiB are used up.
 */
export function asEngineError(error: unknown, work: string): unknown {
  if (!(error instanceof WebAssembly.RuntimeError)) return error
  return new EngineError('memory', { work }, error)
}

async function compileFile(name: string): Promise<WasmModule> {
  const file = new URL(`./build/${name}.wasm`, import.meta.url)
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    compiled.delete(name)
    throw new EngineError('not-built', { file: file.pathname }, cause)
  }
  return new WebAssembly.Module(bytes)
}

/**
 * The columns half of the WebAssembly module `engine`, as its source `assembly/columns-entry.ts`
 * exports it. Addresses come as signed numbers: `>>> 0` before use.
 */
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

/**
 * The parser half of the WebAssembly module `engine`, as its source `assembly/parse.ts` exports it.
 */
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
