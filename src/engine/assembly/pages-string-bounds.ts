// Smallest and largest string of each page, from the indices of its rows.
//
// The strings are ordered by their first 8 bytes as a number, and by all of them only where those
// do not decide: a row costs a load and two comparisons. Where a page repeats few strings, each is
// compared once.

import { Area } from './arena';
import { bigEndian, compareBytes } from './columns-bytes';
import { Dictionary } from './dictionary';
import { addStringBounds } from './pages';

/** With more entries than this, walking all of them for each page is no longer cheap. */
const FEW_ENTRIES: u32 = 2048;

/** u64 by index: its first 8 bytes. */
const STARTS: Area = changetype<Area>(memory.data(12, 4));
/** u8 by index, with few entries: 1 where the page has it; all 0 between pages. */
const SEEN: usize = memory.data(2048, 16);

/** u32 by index, of the caller: its code in `strings`. */
let codes: usize = 0;
let strings: Dictionary = changetype<Dictionary>(0);
let entryCount: u32 = 0;
let least: u32 = 0;
let most: u32 = 0;

/** `used` has the code of each index, u32. */
export function prepareIndexBounds(dictionary: Dictionary, used: usize, entries: u32): void {
  strings = dictionary;
  codes = used;
  entryCount = entries;
  const starts = STARTS.fit(<usize>entries << 3);
  for (let index: u32 = 0; index < entries; index++) {
    const record = recordOf(index);
    store<u64>(starts + (<usize>index << 3), bigEndian(record + 8, load<u32>(record, 4)));
  }
}

/** Gives the page that was added last the bounds of its `count` indices; none if it has none. */
export function addIndexBounds(indices: usize, count: u32): void {
  if (count == 0) return;
  if (entryCount <= FEW_ENTRIES) findAmongFew(indices, count);
  else findAmongMany(indices, count);
  const min = recordOf(least);
  const max = recordOf(most);
  addStringBounds(min + 8, load<u32>(min, 4), max + 8, load<u32>(max, 4));
}

function findAmongFew(indices: usize, count: u32): void {
  for (let i: usize = 0; i < count; i++) store<u8>(SEEN + load<u32>(indices + (i << 2)), 1);
  least = most = load<u32>(indices);
  for (let index: u32 = 0; index < entryCount; index++) {
    if (load<u8>(SEEN + <usize>index) != 0) widen(index);
  }
  memory.fill(SEEN, 0, entryCount);
}

function findAmongMany(indices: usize, count: u32): void {
  least = most = load<u32>(indices);
  for (let i: usize = 1; i < count; i++) widen(load<u32>(indices + (i << 2)));
}

@inline
function widen(index: u32): void {
  const start = startOf(index);
  const leastStart = startOf(least);
  const mostStart = startOf(most);
  if (start <= leastStart && (start < leastStart || compareRecords(index, least) < 0)) {
    least = index;
  }
  if (start >= mostStart && (start > mostStart || compareRecords(index, most) > 0)) most = index;
}

@inline
function startOf(index: u32): u64 {
  return load<u64>(STARTS.address + (<usize>index << 3));
}

@inline
function recordOf(index: u32): usize {
  return strings.record(load<u32>(codes + (<usize>index << 2)));
}

function compareRecords(left: u32, right: u32): i32 {
  const a = recordOf(left);
  const b = recordOf(right);
  return compareBytes(a + 8, load<u32>(a, 4), b + 8, load<u32>(b, 4));
}
