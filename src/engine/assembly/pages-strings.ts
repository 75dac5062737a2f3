// The pages of the string columns: with a dictionary where values repeat, else PLAIN.
//
// A dictionary pays when each of its strings stands for three rows or more: measured after zstd on
// user ids of 5 to 7 random digits, where the indices no longer compress and the strings do.

import { Area } from './arena';
import { copyBytes } from './columns-bytes';
import { codesAt, dictionaryAt } from './columns';
import { Dictionary, NULL_CODE } from './dictionary';
import {
  PAGE_ROWS, PLAIN, RLE_DICTIONARY, addDataPage, addDictionaryPage, addNulls, beginColumn, outEnd,
  outStart, writeLevels, writeNullableLevels,
} from './pages';
import { indexWidth, indicesBytesMax, writeIndices } from './pages-bits';
import { addIndexBounds, prepareIndexBounds } from './pages-string-bounds';

/** Rows for each dictionary entry, below which a column is PLAIN. */
const ROWS_PER_ENTRY_MIN: u32 = 3;

/** u32 by code: its index in this day's dictionary + 1; all 0 between calls. */
const REMAP: Area = changetype<Area>(memory.data(12, 4));
/** u32 by index: its code. */
const USED: Area = changetype<Area>(memory.data(12, 4));
/** u32 by row of the day: the code. */
const GATHERED: Area = changetype<Area>(memory.data(12, 4));
/** u32: indices of the rows that are not null. */
const INDICES: Area = changetype<Area>(memory.data(12, 4));

/** A dictionary's column for the rows of a day (`order` as `dayOrder` returns it). */
export function encodeStringPages(number: u32, rows: u32, order: usize): void {
  const dictionary = dictionaryAt(number);
  const codes = gather(codesAt(number).address, rows, order);
  const entries = remapCodes(dictionary, codes, rows);
  const present = <u32>(INDICES.length >> 2);
  prepareIndexBounds(dictionary, USED.address, entries);
  if (entries == 0 || entries * ROWS_PER_ENTRY_MIN > present) {
    beginColumn(rows, plainRowsBytes(dictionary, codes, rows) + 64);
    writePlainPages(dictionary, codes, rows, present < rows);
  } else {
    const width = indexWidth(entries);
    beginColumn(rows, dictionaryPageBytes(dictionary, entries) + indicesBytesMax(rows, width));
    writeDictionaryPage(dictionary, entries);
    writeIndexPages(codes, rows, present < rows, width);
  }
  forgetRemap(entries);
}

function gather(codes: usize, rows: u32, order: usize): usize {
  if (order == 0) return codes;
  const out = GATHERED.fit(<usize>rows << 2);
  for (let i: usize = 0; i < rows; i++) {
    store<u32>(out + (i << 2), load<u32>(codes + (<usize>load<u32>(order + (i << 2)) << 2)));
  }
  return out;
}

/**
 * Gives the codes that occur in this day indices in order of appearance; returns how many there
 * are.
 */
function remapCodes(dictionary: Dictionary, codes: usize, rows: u32): u32 {
  const bytes = <usize>dictionary.count << 2;
  if (bytes > REMAP.capacity) memory.fill(REMAP.fit(bytes), 0, REMAP.capacity);
  const remap = REMAP.address;
  const used = USED.fit(min(bytes, <usize>rows << 2) + 4);
  const indices = INDICES.fit(<usize>rows << 2);
  let entries: u32 = 0;
  let to = indices;
  for (let i: usize = 0; i < rows; i++) {
    const code = load<u32>(codes + (i << 2));
    if (code == NULL_CODE) continue;
    let index = load<u32>(remap + (<usize>code << 2));
    if (index == 0) {
      store<u32>(used + (<usize>entries << 2), code);
      index = ++entries;
      store<u32>(remap + (<usize>code << 2), index);
    }
    store<u32>(to, index - 1);
    to += 4;
  }
  INDICES.length = to - indices;
  return entries;
}

function forgetRemap(entries: u32): void {
  for (let i: usize = 0; i < entries; i++) {
    store<u32>(REMAP.address + (<usize>load<u32>(USED.address + (i << 2)) << 2), 0);
  }
}

@inline
function usedRecord(dictionary: Dictionary, index: u32): usize {
  return dictionary.record(load<u32>(USED.address + (<usize>index << 2)));
}

function dictionaryPageBytes(dictionary: Dictionary, entries: u32): usize {
  let bytes: usize = 0;
  for (let index: u32 = 0; index < entries; index++) {
    bytes += 4 + <usize>load<u32>(usedRecord(dictionary, index), 4);
  }
  return bytes;
}

function writeDictionaryPage(dictionary: Dictionary, entries: u32): void {
  const body = outStart();
  let to = body;
  for (let index: u32 = 0; index < entries; index++) {
    const record = usedRecord(dictionary, index);
    const length = load<u32>(record, 4) + 4;
    copyBytes(to, record + 4, length);
    to += length;
  }
  outEnd(to);
  addDictionaryPage(entries, body, <u32>(to - body));
}

function writeIndexPages(codes: usize, rows: u32, nulls: bool, width: u32): void {
  let indices = INDICES.address;
  for (let row: u32 = 0; row < rows; row += PAGE_ROWS) {
    const count = min(PAGE_ROWS, rows - row);
    const page = codes + (<usize>row << 2);
    const head = outStart();
    const present = nulls ? presentRows(page, count) : count;
    const body = nulls ? writeNullableLevels(head, page, count) : writeLevels(head, count);
    const end = writeIndices(body, indices, present, width);
    outEnd(end);
    addDataPage(RLE_DICTIONARY, count, head, <u32>(body - head), body, <u32>(end - body));
    addNulls(count - present);
    addIndexBounds(indices, present);
    indices += <usize>present << 2;
  }
}

function presentRows(codes: usize, rows: u32): u32 {
  let present: u32 = 0;
  for (let i: usize = 0; i < rows; i++) present += u32(load<u32>(codes + (i << 2)) != NULL_CODE);
  return present;
}

function plainRowsBytes(dictionary: Dictionary, codes: usize, rows: u32): usize {
  let bytes: usize = 0;
  for (let i: usize = 0; i < rows; i++) {
    const code = load<u32>(codes + (i << 2));
    if (code != NULL_CODE) bytes += 4 + <usize>load<u32>(dictionary.record(code), 4);
  }
  return bytes;
}

function writePlainPages(dictionary: Dictionary, codes: usize, rows: u32, nulls: bool): void {
  let indices = INDICES.address;
  for (let row: u32 = 0; row < rows; row += PAGE_ROWS) {
    const count = min(PAGE_ROWS, rows - row);
    const page = codes + (<usize>row << 2);
    const head = outStart();
    const body = nulls ? writeNullableLevels(head, page, count) : writeLevels(head, count);
    let to = body;
    let present: u32 = 0;
    for (let i: usize = 0; i < count; i++) {
      const code = load<u32>(page + (i << 2));
      if (code == NULL_CODE) continue;
      present++;
      const record = dictionary.record(code);
      const length = load<u32>(record, 4) + 4;
      copyBytes(to, record + 4, length);
      to += length;
    }
    outEnd(to);
    addDataPage(PLAIN, count, head, <u32>(body - head), body, <u32>(to - body));
    addNulls(count - present);
    addIndexBounds(indices, present);
    indices += <usize>present << 2;
  }
}
