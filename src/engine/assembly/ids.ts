// The module `ids`: a set of 128-bit ids in a memory of its own, so that it can be dropped whole.
//
// Extendible hashing (Fagin et al., TODS 1979): a directory, indexed by the first bits of an id,
// names pages of 1024 slots; within a page ids lie in open addressing. A page that is full is split
// in two, 3 us, and the directory doubles, 4 bytes a page, when it has to. So the set grows
// smoothly up to its limit: one big table would stop everything for a second while it doubles, and
// hold half as much again meanwhile.
//
//   memory   counters (a page: u32, ids | depth << 16) | directory (u32 page numbers) | pages
//   page     1024 slots of 16 bytes: low u64, high u64; both 0 = free
//   id       directory index = first bits of the high word, home slot = last 10 bits of the low one
//
// Ids must be uniformly random (they are keyed hashes). Batches are walked twice, 16 rows at a
// time: the first walk touches each row's slot, so that the misses of the cache overlap.

const PAGE_LOG2: u32 = 14;
const PAGE_BYTES: usize = 1 << 14;
const SLOT_MASK: u32 = 1023;
/** Past four fifths the probing gets long. */
const PAGE_IDS_MAX: u32 = 820;
const GROW_WASM_PAGES: i32 = 16;
const WALK_ROWS: u32 = 16;

/** The rows of one call, from and to the wrapper. */
export const BATCH_ROWS: u32 = 4096;
export const HASHES: usize = memory.data(4096 * 16, 64);
export const MASK: usize = memory.data(4096, 64);

const SPLIT_SCRATCH: usize = memory.data(1 << 14, 64);

let counters: usize = 0;
let directory: usize = 0;
let directoryBits: u32 = 0;
let directoryBitsMax: u32 = 0;
let pages: usize = 0;
let pageCount: u32 = 0;
let pageCountMax: u32 = 0;
let idCount: u32 = 0;
let isFull: bool = false;
/** Keeps the loads of the first walk from being optimised away. */
let touched: u64 = 0;

/** Call once. False when not even the first page fits. */
export function openIds(bytesMax: f64): bool {
  counters = (__heap_base + 63) & ~63;
  const overhead = <f64>(counters + (PAGE_BYTES << 1));
  const room = min(bytesMax, 4294901760.0) - overhead;
  // 4 bytes of counter and up to 32 bytes of directory (8 entries, twice the need at worst) a page.
  if (room < <f64>(PAGE_BYTES + 64)) return false;
  pageCountMax = <u32>(room / <f64>(PAGE_BYTES + 36));
  directoryBitsMax = 34 - <u32>clz<u32>(pageCountMax);
  directory = counters + ((<usize>pageCountMax * 4 + 63) & ~63);
  pages = (directory + (<usize>4 << directoryBitsMax) + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  return addPage(0);
}

export function idsSize(): u32 {
  return idCount;
}

export function idsFull(): bool {
  return isFull;
}

/** Linear memory that was ever touched by ids. */
export function idsBytes(): f64 {
  return <f64>pageCount * <f64>(PAGE_BYTES + 4) + <f64>(4 << directoryBits);
}

/** Sets MASK to 1 for the ids that are in the set, where it was 0. */
export function markPresent(rows: u32): void {
  for (let first: u32 = 0; first < rows; first += WALK_ROWS) {
    const end = min(rows, first + WALK_ROWS);
    touch(first, end);
    for (let row = first; row < end; row++) {
      if (load<u8>(MASK + row) != 0) continue;
      const low = load<u64>(HASHES + (row << 4));
      const high = highWord(row, low);
      const slot = findSlot(pageAddress(pageOf(high)), low, high);
      store<u8>(MASK + row, u8((load<u64>(slot) | load<u64>(slot, 8)) != 0));
    }
  }
}

/**
 * Inserts the ids whose MASK is 0 and sets it to 1 for those that were there. Returns how many rows
 * were processed: fewer than `rows` when the set is full; the other rows are unchanged.
 */
export function insertNew(rows: u32): u32 {
  for (let first: u32 = 0; first < rows; first += WALK_ROWS) {
    const end = min(rows, first + WALK_ROWS);
    touch(first, end);
    for (let row = first; row < end; row++) {
      if (load<u8>(MASK + row) != 0) continue;
      const low = load<u64>(HASHES + (row << 4));
      const high = highWord(row, low);
      let page = pageOf(high);
      let slot = findSlot(pageAddress(page), low, high);
      if ((load<u64>(slot) | load<u64>(slot, 8)) != 0) {
        store<u8>(MASK + row, 1);
        continue;
      }
      while (idsIn(page) >= PAGE_IDS_MAX) {
        if (!splitPage(page, high)) {
          isFull = true;
          return row;
        }
        page = pageOf(high);
        slot = findSlot(pageAddress(page), low, high);
      }
      store<u64>(slot, low);
      store<u64>(slot, high, 8);
      store<u32>(counters + (page << 2), load<u32>(counters + (page << 2)) + 1);
      idCount++;
    }
  }
  return rows;
}

function touch(first: u32, end: u32): void {
  let sum: u64 = 0;
  for (let row = first; row < end; row++) {
    const low = load<u64>(HASHES + (row << 4));
    const page = pageAddress(pageOf(highWord(row, low)));
    sum += load<u64>(page + <usize>((<u32>low & SLOT_MASK) << 4));
  }
  touched += sum;
}

/** The id 0 stands for a free slot, so it is kept as another one. */
@inline
function highWord(row: u32, low: u64): u64 {
  const high = load<u64>(HASHES + (row << 4), 8);
  return high | u64((low | high) == 0);
}

@inline
function pageOf(high: u64): u32 {
  return load<u32>(directory + (<usize>(high >> 1 >> <u64>(63 - directoryBits)) << 2));
}

@inline
function pageAddress(page: u32): usize {
  return pages + (<usize>page << PAGE_LOG2);
}

@inline
function idsIn(page: u32): u32 {
  return load<u32>(counters + (page << 2)) & 0xffff;
}

/** The slot that holds the id, or the free one where it belongs; a page always has free slots. */
@inline
function findSlot(page: usize, low: u64, high: u64): usize {
  let index = <u32>low & SLOT_MASK;
  while (true) {
    const slot = page + (<usize>index << 4);
    const found = load<u64>(slot);
    if (found == low && load<u64>(slot, 8) == high) return slot;
    if (found == 0 && load<u64>(slot, 8) == 0) return slot;
    index = (index + 1) & SLOT_MASK;
  }
}

/** A fresh page of the given depth: memory that was just grown is zero. */
function addPage(depth: u32): bool {
  if (pageCount == pageCountMax) return false;
  const needed = <u64>pages + (<u64>(pageCount + 1) << PAGE_LOG2);
  const missing = <i32>((needed + 0xffff) >> 16) - memory.size();
  if (missing > 0 && memory.grow(max(missing, GROW_WASM_PAGES)) < 0) {
    if (memory.grow(missing) < 0) return false;
  }
  store<u32>(counters + (<usize>pageCount << 2), depth << 16);
  pageCount++;
  return true;
}

/**
 * Moves the ids whose next bit is 1 to a new page. `high` is of any id that belongs to the page.
 */
function splitPage(page: u32, high: u64): bool {
  const depth = load<u32>(counters + (<usize>page << 2)) >> 16;
  if (depth == directoryBits && !doubleDirectory()) return false;
  if (!addPage(depth + 1)) return false;
  const other = pageCount - 1;
  const span: u32 = 1 << (directoryBits - depth);
  const firstEntry = <u32>(high >> 1 >> <u64>(63 - directoryBits)) & ~(span - 1);
  for (let entry = firstEntry + (span >> 1); entry < firstEntry + span; entry++) {
    store<u32>(directory + (<usize>entry << 2), other);
  }
  const address = pageAddress(page);
  memory.copy(SPLIT_SCRATCH, address, PAGE_BYTES);
  memory.fill(address, 0, PAGE_BYTES);
  const bit = <u64>(63 - depth);
  let moved: u32 = 0;
  for (let from = SPLIT_SCRATCH; from < SPLIT_SCRATCH + PAGE_BYTES; from += 16) {
    const idLow = load<u64>(from);
    const idHigh = load<u64>(from, 8);
    if ((idLow | idHigh) == 0) continue;
    const isMoved = <u32>(idHigh >> bit) & 1;
    const slot = findSlot(pageAddress(isMoved ? other : page), idLow, idHigh);
    store<u64>(slot, idLow);
    store<u64>(slot, idHigh, 8);
    moved += isMoved;
  }
  const ids = idsIn(page);
  store<u32>(counters + (<usize>page << 2), (ids - moved) | ((depth + 1) << 16));
  store<u32>(counters + (<usize>other << 2), moved | ((depth + 1) << 16));
  return true;
}

/**
 * Each entry is written twice, from the last one down, so that none is overwritten before it is
 * read.
 */
function doubleDirectory(): bool {
  if (directoryBits == directoryBitsMax) return false;
  for (let entry: u32 = 1 << directoryBits; entry-- > 0; ) {
    const page = load<u32>(directory + (<usize>entry << 2));
    store<u32>(directory + (<usize>entry << 3), page);
    store<u32>(directory + (<usize>entry << 3), page, 4);
  }
  directoryBits++;
  return true;
}
