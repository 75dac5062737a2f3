// The window sums of a batch: (campaign, window) -> impressions, clicks, conversions, revenue.
//
//   slots    u32 each: number of the entry + 1; 0 = free; open addressing, at most half full
//   entries  64 bytes each, in order of first appearance; read by the wrapper:
//     +0 window start (us, i64)  +8 campaign code u32
//     +16 impressions  +24 clicks  +32 conversions (u64)
//     +40 revenue in millionths, 128 bits: low u64, high i64
//
// 128 bits: revenue is summed exactly, and 9,224 events of 1e9 would overflow 64.

import { Area } from './arena';
import { secretFactor, secretFactor2 } from './hash';

export const ENTRY_BYTES: usize = 64;
const FIRST_SLOTS_LOG2: i32 = 10;

const SLOTS: Area = changetype<Area>(memory.data(12, 4));
const ENTRIES: Area = changetype<Area>(memory.data(12, 4));

let count: u32 = 0;
let shift: u64 = 0;
let windowUs: i64 = 1;
let factor: u64 = 1;
let factor2: u64 = 1;

export function openAggregate(width: i64): void {
  windowUs = width;
  factor = secretFactor();
  factor2 = secretFactor2();
  clearAggregate();
}

export function clearAggregate(): void {
  const bytes = <usize>4 << FIRST_SLOTS_LOG2;
  memory.fill(SLOTS.fit(bytes), 0, bytes);
  ENTRIES.length = 0;
  shift = 64 - FIRST_SLOTS_LOG2;
  count = 0;
}

export function windowCount(): u32 {
  return count;
}

export function windowEntries(): usize {
  return ENTRIES.address;
}

/**
 * Adds `rows` rows: campaign codes u32 and timestamps i64 of the columns, types u8 and millionths
 * i64 by block row.
 */
export function aggregateRows(
  codes: usize, timestamps: usize, selection: usize, types: usize, millionths: usize, rows: u32,
): void {
  let start: i64 = i64.MIN_VALUE;
  for (let i: usize = 0; i < rows; i++) {
    const row = <usize>load<u16>(selection + (i << 1));
    const time = load<i64>(timestamps + (i << 3));
    // Events come nearly in order: usually the window is that of the previous event.
    if (<u64>(time - start) >= <u64>windowUs) start = floorTo(time, windowUs);
    const entry = findEntry(load<u32>(codes + (i << 2)), start);
    const counter = entry + 16 + (<usize>load<u8>(types + row) << 3);
    store<u64>(counter, load<u64>(counter) + 1);
    const amount = load<i64>(millionths + (row << 3));
    const low = load<u64>(entry, 40) + <u64>amount;
    store<u64>(entry, low, 40);
    store<i64>(entry, load<i64>(entry, 48) + (amount >> 63) + i64(low < <u64>amount), 48);
  }
}

/** The largest multiple of `width` that is not above `time`, also before 1970. */
@inline
export function floorTo(time: i64, width: i64): i64 {
  const rest = time % width;
  return time - rest - (width & (rest >> 63));
}

@inline
function findEntry(campaign: u32, start: i64): usize {
  const hash = keyHash(campaign, start);
  const mask: u32 = (<u32>1 << <u32>(64 - shift)) - 1;
  let index = <u32>(hash >> shift);
  while (true) {
    const number = load<u32>(SLOTS.address + (<usize>index << 2));
    if (number == 0) return addEntry(campaign, start);
    const entry = ENTRIES.address + <usize>(number - 1) * ENTRY_BYTES;
    if (load<i64>(entry) == start && load<u32>(entry, 8) == campaign) return entry;
    index = (index + 1) & mask;
  }
}

/** Multiply-shift with secret factors, so that no sender can choose windows that share a slot. */
@inline
function keyHash(campaign: u32, start: i64): u64 {
  const mixed = <u64>start * factor + <u64>campaign * factor2;
  return (mixed ^ (mixed >> 32)) * factor;
}

function addEntry(campaign: u32, start: i64): usize {
  if (<u64>(count + 1) << 1 > <u64>1 << (64 - shift)) {
    shift--;
    const bytes = <usize>4 << <usize>(64 - shift);
    memory.fill(SLOTS.fit(bytes), 0, bytes);
    for (let number: u32 = 0; number < count; number++) {
      placeEntry(ENTRIES.address + <usize>number * ENTRY_BYTES, number);
    }
  }
  const entry = ENTRIES.room(ENTRY_BYTES);
  ENTRIES.length += ENTRY_BYTES;
  memory.fill(entry, 0, ENTRY_BYTES);
  store<i64>(entry, start);
  store<u32>(entry, campaign, 8);
  placeEntry(entry, count++);
  return entry;
}

function placeEntry(entry: usize, number: u32): void {
  const hash = keyHash(load<u32>(entry, 8), load<i64>(entry));
  const mask: u32 = (<u32>1 << <u32>(64 - shift)) - 1;
  let index = <u32>(hash >> shift);
  while (load<u32>(SLOTS.address + (<usize>index << 2)) != 0) index = (index + 1) & mask;
  store<u32>(SLOTS.address + (<usize>index << 2), number + 1);
}
