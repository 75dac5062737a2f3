// The pages of one column of one day, as bodies of Parquet v1 pages (parquet-format, "Data Pages").
//
//   dictionary page   the distinct values, PLAIN
//   data page         u32 length | definition levels (RLE / bit-packed hybrid, width 1) | values
//
// A page is two ranges, head and body, which the wrapper joins when it copies them out: so columns
// whose values are already laid out as in PLAIN (event_id, timestamp, revenue) are not copied
// twice. Only PLAIN and RLE_DICTIONARY are written: Iceberg's vectorised reader for Spark throws on
// the delta encodings before apache/iceberg#13391 (DELTA_BINARY_PACKED) and #15362
// (DELTA_LENGTH_BYTE_ARRAY, 2026); they would save about 2 bytes an event after zstd.
//
// What the wrapper reads:
//   COLUMN  u32 each: +0 pages  +4 their address  +8 nulls  +12 min address  +16 min length
//           +20 max address  +24 max length  (address 0 = there is none)  +28 rows
//   page    u32 each: +0 kind (0 dictionary, 1 data)  +4 encoding (0 PLAIN, 1 RLE_DICTIONARY)
//           +8 values  +12 head address  +16 head length  +20 body address  +24 body length
//           +28 nulls  +32 min address  +36 min length  +40 max address  +44 max length

import { Area } from './arena';
import { compareBytes } from './columns-bytes';
import { NULL_CODE } from './dictionary';

/**
 * About 1.3 MB of event ids that are UUIDs. Pages of all columns begin at the same rows, so that a
 * reader that the page index leads to a page reads the others' pages for those rows only.
 */
export const PAGE_ROWS: u32 = 32768;
export const PLAIN: u32 = 0;
export const RLE_DICTIONARY: u32 = 1;

const PAGE_BYTES: usize = 48;
/** Length and run header of definition levels, without the bits. */
export const LEVELS_HEAD_MAX: usize = 16;

export const COLUMN: usize = memory.data(32, 8);

const PAGES: Area = changetype<Area>(memory.data(12, 4));
const OUT: Area = changetype<Area>(memory.data(12, 4));

/**
 * Forgets the column before and makes room for `bytes` of pages in all; nothing moves after that.
 */
export function beginColumn(rows: u32, bytes: usize): void {
  const pages = <usize>(rows / PAGE_ROWS) + 2;
  PAGES.length = 0;
  PAGES.fit(pages * PAGE_BYTES);
  OUT.length = 0;
  OUT.fit(bytes + pages * LEVELS_HEAD_MAX + (rows >> 3) + 64);
  memory.fill(COLUMN, 0, 32);
  store<u32>(COLUMN, <u32>PAGES.address, 4);
  store<u32>(COLUMN, rows, 28);
}

/** Where the next bytes go; `outEnd` says afterwards how far they went. */
export function outStart(): usize {
  return OUT.address + OUT.length;
}

export function outEnd(end: usize): void {
  OUT.length = end - OUT.address;
}

/** Nulls of the page that was added last. */
export function addNulls(nulls: u32): void {
  store<u32>(lastPage(), nulls, 28);
  store<u32>(COLUMN, load<u32>(COLUMN, 8) + nulls, 8);
}

/** Smallest and largest string of the page that was added last. */
export function addStringBounds(
  minAddress: usize, minLength: u32, maxAddress: usize, maxLength: u32,
): void {
  storeMin(lastPage() + 32, minAddress, minLength);
  storeMax(lastPage() + 32, maxAddress, maxLength);
  const isFirst = load<u32>(COLUMN, 12) == 0;
  if (isFirst || isBelow(minAddress, minLength, load<u32>(COLUMN, 12), load<u32>(COLUMN, 16))) {
    storeMin(COLUMN + 12, minAddress, minLength);
  }
  if (isFirst || isBelow(load<u32>(COLUMN, 20), load<u32>(COLUMN, 24), maxAddress, maxLength)) {
    storeMax(COLUMN + 12, maxAddress, maxLength);
  }
}

@inline
function isBelow(left: usize, leftLength: u32, right: usize, rightLength: u32): bool {
  return compareBytes(left, leftLength, right, rightLength) < 0;
}

/** Addresses of the smallest and largest 8-byte value of the page that was added last. */
export function addNumberBounds(minAddress: usize, maxAddress: usize): void {
  storeMin(lastPage() + 32, minAddress, 8);
  storeMax(lastPage() + 32, maxAddress, 8);
}

/** The same of all pages; the column's bounds of strings follow from those of the pages. */
export function setNumberBounds(minAddress: usize, maxAddress: usize): void {
  storeMin(COLUMN + 12, minAddress, 8);
  storeMax(COLUMN + 12, maxAddress, 8);
}

@inline
function storeMin(bounds: usize, address: usize, length: u32): void {
  store<u32>(bounds, <u32>address);
  store<u32>(bounds, length, 4);
}

@inline
function storeMax(bounds: usize, address: usize, length: u32): void {
  store<u32>(bounds, <u32>address, 8);
  store<u32>(bounds, length, 12);
}

@inline
function lastPage(): usize {
  return PAGES.address + PAGES.length - PAGE_BYTES;
}

export function addDictionaryPage(values: u32, body: usize, bodyLength: u32): void {
  addPage(0, PLAIN, values, 0, 0, body, bodyLength);
}

export function addDataPage(
  encoding: u32, rows: u32, head: usize, headLength: u32, body: usize, bodyLength: u32,
): void {
  addPage(1, encoding, rows, head, headLength, body, bodyLength);
}

function addPage(
  kind: u32, encoding: u32, values: u32, head: usize, headLength: u32, body: usize, bodyLength: u32,
): void {
  const page = PAGES.address + PAGES.length;
  PAGES.length += PAGE_BYTES;
  store<u32>(page, kind);
  store<u32>(page, encoding, 4);
  store<u32>(page, values, 8);
  store<u32>(page, <u32>head, 12);
  store<u32>(page, headLength, 16);
  store<u32>(page, <u32>body, 20);
  store<u32>(page, bodyLength, 24);
  memory.fill(page + 28, 0, PAGE_BYTES - 28);
  store<u32>(COLUMN, load<u32>(COLUMN) + 1);
}

/** The definition levels of `rows` rows without a null: one run. Returns the end. */
export function writeLevels(to: usize, rows: u32): usize {
  const end = writeRun(to + 4, rows, 1, 1);
  store<u32>(to, <u32>(end - to - 4));
  return end;
}

/** The definition levels of `rows` codes, nulls among them, bit-packed. Returns the end. */
export function writeNullableLevels(to: usize, codes: usize, rows: u32): usize {
  const groups = (rows + 7) >> 3;
  let end = writeVarint(to + 4, (groups << 1) | 1);
  for (let i: u32 = 0; i < rows; i += 8) {
    let bits: u32 = 0;
    const inGroup = min<u32>(8, rows - i);
    for (let k: u32 = 0; k < inGroup; k++) {
      bits |= u32(load<u32>(codes + (<usize>(i + k) << 2)) != NULL_CODE) << k;
    }
    store<u8>(end++, <u8>bits);
  }
  store<u32>(to, <u32>(end - to - 4));
  return end;
}

/** An RLE run: `count` times `value`, in `valueBytes` bytes. Returns the end. */
export function writeRun(to: usize, count: u32, value: u32, valueBytes: u32): usize {
  const at = writeVarint(to, count << 1);
  store<u32>(at, value);
  return at + valueBytes;
}

export function writeVarint(to: usize, value: u32): usize {
  while (value > 0x7f) {
    store<u8>(to++, <u8>(value | 0x80));
    value >>= 7;
  }
  store<u8>(to, <u8>value);
  return to + 1;
}
