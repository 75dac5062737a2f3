// The exports of the columns half of the engine: from the row block to Parquet pages and window
// sums.
//
// The wrapper's order of calls: openColumns, then for each block hashBlock, (the wrapper asks the
// recent ids and fills MASK), appendBlock, aggregateBlock; at last prepareDays, encodeColumn for
// each day and column, resetColumns.

import { windowCount, windowEntries, openAggregate } from './aggregate';
import { Area } from './arena';
import {
  CAMPAIGN, EVENT_TYPE, MASK, aggregateBlock, appendBlock as appendRows, batchBytes, batchRows,
  clearBatch, dictionaryAt,
} from './columns';
import { dayCount, dayEntries, dayOrder, dayRows, orderDays } from './columns-days';
import { setSeed, sipHash } from './hash';
import { COLUMN } from './pages';
import { encodeIdPages } from './pages-ids';
import { encodeRevenuePages, encodeTimestampPages } from './pages-numbers';
import { encodeStringPages } from './pages-strings';
import { BLOCK_ROWS, STRING_ADDRESS, STRING_LENGTH, VERDICT } from './rows';

export {
  aggregateBlock, batchBytes, batchRows, COLUMN, dayEntries, MASK, windowCount, windowEntries,
};

/** 16 bytes by block row. */
export const HASHES: usize = memory.data(1024 * 16, 64);

const SCRATCH: Area = changetype<Area>(memory.data(12, 4));

export function openColumns(windowUs: f64, seedLow: u64, seedHigh: u64): void {
  setSeed(seedLow, seedHigh);
  openAggregate(<i64>windowUs);
  clearBatch();
}

export function resetColumns(): void {
  clearBatch();
}

/**
 * Hashes the ids of the block's accepted rows into HASHES, sets MASK to 1 for all others, returns
 * how many those are.
 */
export function hashBlock(rows: u32): u32 {
  const count = min<u32>(rows, BLOCK_ROWS);
  let rejectedCount: u32 = 0;
  for (let row: usize = 0; row < count; row++) {
    const rejected = load<u8>(VERDICT + row) != 0;
    store<u8>(MASK + row, u8(rejected));
    if (rejected) {
      rejectedCount++;
      continue;
    }
    const length = load<u32>(STRING_LENGTH + (row << 2));
    sipHash(load<u32>(STRING_ADDRESS + (row << 2)), length, HASHES + (row << 4));
  }
  return rejectedCount;
}

export function appendBlock(rows: u32, arrivalUs: f64): u32 {
  return appendRows(rows, <i64>arrivalUs);
}

/** Memory for the wrapper's own input, until the next call. */
export function scratch(bytes: u32): usize {
  return SCRATCH.fit(bytes);
}

/**
 * Hashes `count` ids that lie as u32 length | bytes, one after the other; 16 bytes each at `out`.
 */
export function hashPacked(address: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const length = load<u32>(address);
    sipHash(address + 4, length, out);
    address += 4 + <usize>length;
    out += 16;
  }
}

/** Puts the rows in order of days; returns how many days there are. */
export function prepareDays(): u32 {
  orderDays();
  return dayCount();
}

/** Encodes a column (in the order of the table's schema) of a day; the answer is at COLUMN. */
export function encodeColumn(column: u32, day: u32): void {
  const rows = dayRows(day);
  const order = dayOrder(day);
  switch (column) {
    case 0: return encodeIdPages(rows, order);
    case 1: return encodeStringPages(0, rows, order);
    case 2: return encodeStringPages(CAMPAIGN, rows, order);
    case 3: return encodeStringPages(EVENT_TYPE, rows, order);
    case 4: return encodeTimestampPages(rows, order);
    case 5: return encodeRevenuePages(rows, order);
    default: return encodeStringPages(column - 4, rows, order);
  }
}

/** The record of a campaign's code: u32 length at +4, bytes from +8. */
export function campaignRecord(code: u32): usize {
  return dictionaryAt(CAMPAIGN).record(code);
}
