// The days of a batch: which row belongs to which day, and the rows of each day in order of
// arrival.
//
//   slots  u32 each: number of the day + 1; 0 = free; open addressing, at most half full
//   days   32 bytes each, in order of first appearance; read by the wrapper:
//     +0 start of the day (us, i64)  +8 rows u32  +12 first place in the order u32
//     +16 smallest arrival (us, i64)  +24 largest arrival (us, i64)
//
// Live traffic has one day or two; a backfill may have any number.

import { floorTo } from './aggregate';
import { Area } from './arena';
import { secretFactor } from './hash';

const DAY_US: i64 = 86_400_000_000;
const DAY_BYTES: usize = 32;
const FIRST_SLOTS_LOG2: i32 = 6;

const SLOTS: Area = changetype<Area>(memory.data(12, 4));
const DAYS: Area = changetype<Area>(memory.data(12, 4));
const DAY_OF_ROW: Area = changetype<Area>(memory.data(12, 4));
const ORDER: Area = changetype<Area>(memory.data(12, 4));

let count: u32 = 0;
let shift: u64 = 0;

export function clearDays(): void {
  const bytes = <usize>4 << FIRST_SLOTS_LOG2;
  memory.fill(SLOTS.fit(bytes), 0, bytes);
  shift = 64 - FIRST_SLOTS_LOG2;
  count = 0;
  DAYS.length = 0;
  DAY_OF_ROW.length = 0;
}

export function dayCount(): u32 {
  return count;
}

export function dayEntries(): usize {
  return DAYS.address;
}

export function dayRows(day: u32): u32 {
  return load<u32>(DAYS.address + <usize>day * DAY_BYTES, 8);
}

/** The rows of a day as u32 row numbers; 0 when all rows of the batch are of that one day. */
export function dayOrder(day: u32): usize {
  if (count == 1) return 0;
  return ORDER.address + (<usize>load<u32>(DAYS.address + <usize>day * DAY_BYTES, 12) << 2);
}

/** Notes the days of the next `rows` rows. */
export function appendDays(timestamps: usize, rows: u32, arrivalUs: i64): void {
  const out = DAY_OF_ROW.room(<usize>rows << 2);
  DAY_OF_ROW.length += <usize>rows << 2;
  let start: i64 = i64.MIN_VALUE;
  let day: u32 = 0;
  let entry: usize = 0;
  for (let i: usize = 0; i < rows; i++) {
    const time = load<i64>(timestamps + (i << 3));
    if (<u64>(time - start) >= <u64>DAY_US) {
      start = floorTo(time, DAY_US);
      day = findDay(start, arrivalUs);
      entry = DAYS.address + <usize>day * DAY_BYTES;
      store<i64>(entry, min(load<i64>(entry, 16), arrivalUs), 16);
      store<i64>(entry, max(load<i64>(entry, 24), arrivalUs), 24);
    }
    store<u32>(entry, load<u32>(entry, 8) + 1, 8);
    store<u32>(out + (i << 2), day);
  }
}

/** Puts the rows in order of days (stable); once a batch, before `dayOrder`. */
export function orderDays(): void {
  if (count < 2) return;
  let first: u32 = 0;
  for (let day: u32 = 0; day < count; day++) {
    const entry = DAYS.address + <usize>day * DAY_BYTES;
    store<u32>(entry, first, 12);
    first += load<u32>(entry, 8);
  }
  const rows = <u32>(DAY_OF_ROW.length >> 2);
  const order = ORDER.fit(DAY_OF_ROW.length);
  for (let row: u32 = 0; row < rows; row++) {
    const entry = dayEntry(row);
    const place = load<u32>(entry, 12);
    store<u32>(entry, place + 1, 12);
    store<u32>(order + (<usize>place << 2), row);
  }
  for (let day: u32 = 0; day < count; day++) {
    const entry = DAYS.address + <usize>day * DAY_BYTES;
    store<u32>(entry, load<u32>(entry, 12) - load<u32>(entry, 8), 12);
  }
}

@inline
function dayEntry(row: u32): usize {
  return DAYS.address + <usize>load<u32>(DAY_OF_ROW.address + (<usize>row << 2)) * DAY_BYTES;
}

function findDay(start: i64, arrivalUs: i64): u32 {
  const mask: u32 = (<u32>1 << <u32>(64 - shift)) - 1;
  let index = slotOf(start);
  while (true) {
    const number = load<u32>(SLOTS.address + (<usize>index << 2));
    if (number == 0) return addDay(start, arrivalUs);
    if (load<i64>(DAYS.address + <usize>(number - 1) * DAY_BYTES) == start) return number - 1;
    index = (index + 1) & mask;
  }
}

function addDay(start: i64, arrivalUs: i64): u32 {
  if (<u64>(count + 1) << 1 > <u64>1 << (64 - shift)) {
    shift--;
    const bytes = <usize>4 << <usize>(64 - shift);
    memory.fill(SLOTS.fit(bytes), 0, bytes);
    for (let day: u32 = 0; day < count; day++) placeDay(day);
  }
  const entry = DAYS.room(DAY_BYTES);
  DAYS.length += DAY_BYTES;
  store<i64>(entry, start);
  store<u64>(entry, 0, 8);
  store<i64>(entry, arrivalUs, 16);
  store<i64>(entry, arrivalUs, 24);
  placeDay(count);
  return count++;
}

function placeDay(day: u32): void {
  const mask: u32 = (<u32>1 << <u32>(64 - shift)) - 1;
  let index = slotOf(load<i64>(DAYS.address + <usize>day * DAY_BYTES));
  while (load<u32>(SLOTS.address + (<usize>index << 2)) != 0) index = (index + 1) & mask;
  store<u32>(SLOTS.address + (<usize>index << 2), day + 1);
}

function slotOf(start: i64): u32 {
  const mixed = <u64>start * secretFactor();
  return <u32>(((mixed ^ (mixed >> 32)) * secretFactor()) >> shift);
}
