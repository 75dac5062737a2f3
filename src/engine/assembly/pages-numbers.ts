// The pages of the two columns of 8-byte values, timestamp and revenue: with a dictionary where the
// values repeat (most revenues are 0; clocks of milliseconds give each timestamp many times), else
// PLAIN.

import { Area } from './arena';
import { REVENUES, TIMESTAMPS } from './columns';
import { secretFactor } from './hash';
import {
  PAGE_ROWS, PLAIN, RLE_DICTIONARY, addDataPage, addDictionaryPage, addNumberBounds, beginColumn,
  outEnd, outStart, setNumberBounds, writeLevels,
} from './pages';
import { indexWidth, indicesBytesMax, writeIndices } from './pages-bits';

/** A dictionary must spare three of four values, and stays in the cache. */
const ROWS_PER_ENTRY_MIN: u32 = 4;
const ENTRIES_MAX: u32 = 65536;
/** After so many rows it must have spared half of them, else it is given up early. */
const TRIAL_ROWS: usize = 4096;

/** u64 by row of the day. */
const GATHERED: Area = changetype<Area>(memory.data(12, 4));
/** u32 each: index of the value + 1; 0 = free; open addressing, at most half full. */
const SLOTS: Area = changetype<Area>(memory.data(12, 4));
/** u64 by index: the dictionary page. */
const VALUES: Area = changetype<Area>(memory.data(12, 4));
/** u32 by row. */
const INDICES: Area = changetype<Area>(memory.data(12, 4));

/** Smallest and largest value: of the column, then of each page. */
const BOUNDS: Area = changetype<Area>(memory.data(12, 4));
const BOUNDS_BYTES: usize = 16;

export function encodeTimestampPages(rows: u32, order: usize): void {
  writePages<i64>(gather(TIMESTAMPS.address, rows, order), rows);
}

export function encodeRevenuePages(rows: u32, order: usize): void {
  writePages<f64>(gather(REVENUES.address, rows, order), rows);
}

function gather(values: usize, rows: u32, order: usize): usize {
  if (order == 0) return values;
  const out = GATHERED.fit(<usize>rows << 3);
  for (let i: usize = 0; i < rows; i++) {
    store<u64>(out + (i << 3), load<u64>(values + (<usize>load<u32>(order + (i << 2)) << 3)));
  }
  return out;
}

function writePages<T>(values: usize, rows: u32): void {
  const column = BOUNDS.fit(<usize>(rows / PAGE_ROWS + 2) * BOUNDS_BYTES);
  let bounds = column;
  store<T>(column, load<T>(values));
  store<T>(column, load<T>(values), 8);
  const entries = indexValues(values, rows);
  const width = indexWidth(entries);
  beginColumn(rows, entries == 0 ? 0 : indicesBytesMax(rows, width));
  if (entries > 0) addDictionaryPage(entries, VALUES.address, entries << 3);
  for (let row: u32 = 0; row < rows; row += PAGE_ROWS) {
    const count = min(PAGE_ROWS, rows - row);
    const head = outStart();
    const body = writeLevels(head, count);
    const headLength = <u32>(body - head);
    if (entries > 0) {
      const end = writeIndices(body, INDICES.address + (<usize>row << 2), count, width);
      outEnd(end);
      addDataPage(RLE_DICTIONARY, count, head, headLength, body, <u32>(end - body));
    } else {
      outEnd(body);
      addDataPage(PLAIN, count, head, headLength, values + (<usize>row << 3), count << 3);
    }
    bounds += BOUNDS_BYTES;
    storeBounds<T>(bounds, values + (<usize>row << 3), count);
    addNumberBounds(bounds, bounds + 8);
    store<T>(column, min<T>(load<T>(column), load<T>(bounds)));
    store<T>(column, max<T>(load<T>(column, 8), load<T>(bounds, 8)), 8);
  }
  setNumberBounds(column, column + 8);
}

function storeBounds<T>(bounds: usize, values: usize, count: u32): void {
  let least = load<T>(values);
  let most = least;
  for (let i: usize = 1; i < count; i++) {
    const value = load<T>(values + (i << 3));
    least = min<T>(least, value);
    most = max<T>(most, value);
  }
  store<T>(bounds, least);
  store<T>(bounds, most, 8);
}

/** Fills VALUES and INDICES; returns the number of values, or 0 when a dictionary does not pay. */
function indexValues(values: usize, rows: u32): u32 {
  const limit = min(rows / ROWS_PER_ENTRY_MIN, ENTRIES_MAX);
  if (limit == 0) return 0;
  const log2 = <u64>(33 - clz<u32>(limit));
  const shift = 64 - log2;
  const mask: u32 = (<u32>1 << <u32>log2) - 1;
  const slots = SLOTS.fit(<usize>4 << <usize>log2);
  memory.fill(slots, 0, <usize>4 << <usize>log2);
  const known = VALUES.fit(<usize>limit << 3);
  const indices = INDICES.fit(<usize>rows << 2);
  const factor = secretFactor();
  let entries: u32 = 0;
  let last: u64 = ~load<u64>(values);
  let lastIndex: u32 = 0;
  for (let i: usize = 0; i < rows; i++) {
    const value = load<u64>(values + (i << 3));
    if (value != last) {
      last = value;
      // The upper half first: doubles with few digits differ there only, and a product carries
      // upwards.
      let slot = <u32>(((value ^ (value >> 32)) * factor) >> shift);
      while (true) {
        lastIndex = load<u32>(slots + (<usize>slot << 2));
        if (lastIndex == 0) {
          if (entries == limit || (i >= TRIAL_ROWS && <usize>entries > i >> 1)) return 0;
          store<u64>(known + (<usize>entries << 3), value);
          lastIndex = ++entries;
          store<u32>(slots + (<usize>slot << 2), lastIndex);
          break;
        }
        if (load<u64>(known + (<usize>(lastIndex - 1) << 3)) == value) break;
        slot = (slot + 1) & mask;
      }
    }
    store<u32>(indices + (i << 2), lastIndex - 1);
  }
  return entries;
}
