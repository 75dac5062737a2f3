/**
 * A set of 128-bit ids in WebAssembly memory, about 28 bytes an id. Ids are the engine's hashes of
 * event ids, 16 bytes each; the set relies on their being uniformly random.
 *
 * A set only grows. To forget ids, drop a whole set: its memory goes with it.
 */
import { EngineError } from './error.ts'
import { asEngineError, instantiate, loadModule, type WasmGlobal, type WasmMemory } from './wasm.ts'

const HASH_BYTES = 16

export type IdSet = {
  /** Sets `mask[i]` to 1 where id i is in the set and `mask[i]` was 0. */
  markPresent(hashes: Uint8Array, rows: number, mask: Uint8Array): void
  /**
   * Inserts the ids whose `mask` is 0; sets it to 1 for those that were there, also from earlier in
   * this call. Returns how many rows were processed. Fewer than `rows` means that the set is full:
   * the other rows are unchanged, and belong in another set, after `markPresent` of this one.
   */
  insertNew(hashes: Uint8Array, rows: number, mask: Uint8Array): number
  /** Ids in the set. */
  readonly size: number
  /** Memory in use. */
  readonly bytes: number
  /** Whether an insert was refused because the set is full. */
  readonly full: boolean
}

type IdsExports = {
  memory: WasmMemory
  HASHES: WasmGlobal
  MASK: WasmGlobal
  BATCH_ROWS: WasmGlobal
  openIds(bytesMax: number): number
  idsSize(): number
  idsFull(): number
  idsBytes(): number
  markPresent(rows: number): void
  insertNew(rows: number): number
}

/** Loads the module once; the function opens sets, and does not wait. */
export async function loadIdSets(): Promise<(options: { bytesMax: number }) => IdSet> {
  const module = await loadModule('ids')
  return ({ bytesMax }) => {
    const ids = instantiate<IdsExports>(module)
    if (ids.openIds(bytesMax) === 0) throw new EngineError('id-set-too-small', { bytesMax })
    return idSetOf(ids)
  }
}

function idSetOf(ids: IdsExports): IdSet {
  const batchRows = ids.BATCH_ROWS.value
  /**
   * Calls `work` for each part of at most `batchRows` rows; stops when it processes fewer rows than
   * it was given.
   */
  function inParts(
    hashes: Uint8Array,
    rows: number,
    mask: Uint8Array,
    work: (rows: number) => number,
  ): number {
    for (let first = 0; first < rows; first += batchRows) {
      const count = Math.min(batchRows, rows - first)
      const part = hashes.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES)
      new Uint8Array(ids.memory.buffer, ids.HASHES.value).set(part)
      new Uint8Array(ids.memory.buffer, ids.MASK.value).set(mask.subarray(first, first + count))
      const done = work(count)
      mask.set(new Uint8Array(ids.memory.buffer, ids.MASK.value, done), first)
      if (done < count) return first + done
    }
    return rows
  }
  return {
    markPresent(hashes, rows, mask) {
      inParts(hashes, rows, mask, (count) => {
        ids.markPresent(count)
        return count
      })
    },
    insertNew(hashes, rows, mask) {
      try {
        return inParts(hashes, rows, mask, ids.insertNew)
      } catch (error) {
        throw asEngineError(error, 'insert ids')
      }
    },
    get size() {
      return ids.idsSize()
    },
    get bytes() {
      return ids.idsBytes()
    },
    get full() {
      return ids.idsFull() !== 0
    },
  }
}
