// The columns of a batch: accepted rows of the row block, appended column by column.
//
//   ids          u32 length | bytes, row after row: already the body of PLAIN pages
//   id offsets   u32 each, by row: where in `ids` the row begins
//   timestamps   i64 each, by row
//   revenues     f64 each, by row
//   codes        u32 each, by row, for each dictionary; NULL_CODE is null
//
// A batch holds a few million rows; `batchBytes` lets the wrapper commit before memory gets tight.

import { aggregateRows, clearAggregate } from './aggregate';
import { Area } from './arena';
import { copyBytes } from './columns-bytes';
import { appendDays, clearDays } from './columns-days';
import { DICTIONARY_BYTES, Dictionary, encodeStrings } from './dictionary';
import {
  BLOCK_ROWS, MILLIONTHS, REVENUE, STRING_ADDRESS, STRING_LENGTH, TIMESTAMP, TYPE, VERDICT,
} from './rows';

/** Dictionaries: 0 user_id, 1 campaign_id, 2 platform, 3 country, 4 device_type, 5 event_type. */
export const STRING_DICTIONARIES: u32 = 5;
export const CAMPAIGN: u32 = 1;
export const EVENT_TYPE: u32 = 5;

/** u8 by block row: 0 = append; from the wrapper. */
export const MASK: usize = memory.data(1024, 64);

/** u16: the block rows that are appended. */
const SELECTION: usize = memory.data(2048, 64);

const DICTIONARIES: usize = memory.data(6 * 64, 16);
const CODES: usize = memory.data(6 * 12, 4);
const NULLS: usize = memory.data(6 * 4, 4);

export const IDS: Area = changetype<Area>(memory.data(12, 4));
export const ID_OFFSETS: Area = changetype<Area>(memory.data(12, 4));
export const TIMESTAMPS: Area = changetype<Area>(memory.data(12, 4));
export const REVENUES: Area = changetype<Area>(memory.data(12, 4));

/** The names of event_type's codes, for its dictionary: u8 length, then the bytes. */
const TYPE_NAMES: usize = memory.data<u8>([
  10, 105, 109, 112, 114, 101, 115, 115, 105, 111, 110,
  5, 99, 108, 105, 99, 107,
  10, 99, 111, 110, 118, 101, 114, 115, 105, 111, 110,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

let rowCount: u32 = 0;
/** Rows of SELECTION that are appended but not yet in their windows. */
let lastCount: u32 = 0;

export function batchRows(): u32 {
  return rowCount;
}

export function dictionaryAt(number: u32): Dictionary {
  return changetype<Dictionary>(DICTIONARIES + number * DICTIONARY_BYTES);
}

export function codesAt(number: u32): Area {
  return changetype<Area>(CODES + number * 12);
}

export function nullsAt(number: u32): u32 {
  return load<u32>(NULLS + (number << 2));
}

/** Bytes of the batch that grow with what it was given; less than what its areas take. */
export function batchBytes(): f64 {
  let bytes = <f64>IDS.length + <f64>rowCount * 52;
  for (let number: u32 = 0; number < STRING_DICTIONARIES; number++) {
    const dictionary = dictionaryAt(number);
    bytes += <f64>dictionary.heap.length + <f64>dictionary.count * 40;
  }
  return bytes;
}

export function clearBatch(): void {
  rowCount = lastCount = 0;
  IDS.length = ID_OFFSETS.length = TIMESTAMPS.length = REVENUES.length = 0;
  memory.fill(NULLS, 0, 24);
  for (let number: u32 = 0; number <= EVENT_TYPE; number++) {
    dictionaryAt(number).clear();
    codesAt(number).length = 0;
  }
  let name = TYPE_NAMES;
  for (let code: u32 = 0; code < 3; code++) {
    const length = load<u8>(name);
    dictionaryAt(EVENT_TYPE).insert(name + 1, length, code << 30);
    name += 1 + <usize>length;
  }
  clearDays();
  clearAggregate();
}

/** Appends the block's first `rows` rows where verdict and mask are 0; returns how many. */
export function appendBlock(rows: u32, arrivalUs: i64): u32 {
  const count = selectRows(min<u32>(rows, BLOCK_ROWS));
  lastCount = count;
  if (count == 0) return 0;
  const timestamps = appendNumbers(count);
  appendIds(count);
  for (let number: u32 = 0; number < STRING_DICTIONARIES; number++) appendStrings(number, count);
  appendTypes(count);
  appendDays(timestamps, count, arrivalUs);
  rowCount += count;
  return count;
}

/** Adds the rows that were appended last to their windows; once for each block. */
export function aggregateBlock(): void {
  const campaigns = codesAt(CAMPAIGN);
  const codes = campaigns.address + campaigns.length - (<usize>lastCount << 2);
  const timestamps = TIMESTAMPS.address + TIMESTAMPS.length - (<usize>lastCount << 3);
  aggregateRows(codes, timestamps, SELECTION, TYPE, MILLIONTHS, lastCount);
  lastCount = 0;
}

function selectRows(rows: u32): u32 {
  let count: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    store<u16>(SELECTION + (<usize>count << 1), <u16>row);
    count += u32((load<u8>(VERDICT + row) | load<u8>(MASK + row)) == 0);
  }
  return count;
}

/** Timestamps and revenues; returns where the new timestamps begin. */
function appendNumbers(count: u32): usize {
  const timestamps = TIMESTAMPS.room(<usize>count << 3);
  const revenues = REVENUES.room(<usize>count << 3);
  TIMESTAMPS.length += <usize>count << 3;
  REVENUES.length += <usize>count << 3;
  for (let i: usize = 0; i < count; i++) {
    const row = <usize>load<u16>(SELECTION + (i << 1)) << 3;
    store<i64>(timestamps + (i << 3), load<i64>(TIMESTAMP + row));
    store<f64>(revenues + (i << 3), load<f64>(REVENUE + row));
  }
  return timestamps;
}

function appendIds(count: u32): void {
  let bytes: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    bytes += <usize>load<u32>(STRING_LENGTH + (<usize>load<u16>(SELECTION + (i << 1)) << 2)) + 4;
  }
  let to = IDS.room(bytes);
  const ids = IDS.address;
  const offsets = ID_OFFSETS.room(<usize>count << 2);
  IDS.length += bytes;
  ID_OFFSETS.length += <usize>count << 2;
  for (let i: usize = 0; i < count; i++) {
    const row = <usize>load<u16>(SELECTION + (i << 1)) << 2;
    const length = load<u32>(STRING_LENGTH + row);
    store<u32>(offsets + (i << 2), <u32>(to - ids));
    store<u32>(to, length);
    copyBytes(to + 4, <usize>load<u32>(STRING_ADDRESS + row), length);
    to += 4 + <usize>length;
  }
}

function appendStrings(number: u32, count: u32): void {
  const area = codesAt(number);
  const codes = area.room(<usize>count << 2);
  area.length += <usize>count << 2;
  const field = (<usize>number + 1) * (BLOCK_ROWS << 2);
  const nulls = encodeStrings(
    dictionaryAt(number), STRING_ADDRESS + field, STRING_LENGTH + field, SELECTION, count, codes,
  );
  store<u32>(NULLS + (number << 2), nullsAt(number) + nulls);
}

function appendTypes(count: u32): void {
  const area = codesAt(EVENT_TYPE);
  const codes = area.room(<usize>count << 2);
  area.length += <usize>count << 2;
  for (let i: usize = 0; i < count; i++) {
    store<u32>(codes + (i << 2), load<u8>(TYPE + <usize>load<u16>(SELECTION + (i << 1))));
  }
}
