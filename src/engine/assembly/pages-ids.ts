// The pages of event_id: always PLAIN, for ids do not repeat.
//
// Where all rows are of one day, the page bodies are the column itself as it lies in memory.

import { bigEndian, compareBytes, copyBytes } from './columns-bytes';
import { IDS, ID_OFFSETS } from './columns';
import {
  PAGE_ROWS, PLAIN, addDataPage, addStringBounds, beginColumn, outEnd, outStart, writeLevels,
} from './pages';

/** The event ids of a day's rows (`order` as `dayOrder` returns it). */
export function encodeIdPages(rows: u32, order: usize): void {
  if (order == 0) {
    beginColumn(rows, 0);
    for (let row: u32 = 0; row < rows; row += PAGE_ROWS) {
      const count = min(PAGE_ROWS, rows - row);
      const head = outStart();
      outEnd(writeLevels(head, count));
      const body = idAddress(row);
      const end = row + count == rows ? IDS.address + IDS.length : idAddress(row + count);
      addDataPage(PLAIN, count, head, <u32>(outStart() - head), body, <u32>(end - body));
      addIdBounds(row, count, order);
    }
  } else {
    writeGatheredIds(rows, order);
  }
}

@inline
function idAddress(row: u32): usize {
  return IDS.address + load<u32>(ID_OFFSETS.address + (<usize>row << 2));
}

@inline
function rowAt(order: usize, i: u32): u32 {
  return order == 0 ? i : load<u32>(order + (<usize>i << 2));
}

function writeGatheredIds(rows: u32, order: usize): void {
  let bytes: usize = 0;
  for (let i: u32 = 0; i < rows; i++) bytes += 4 + <usize>load<u32>(idAddress(rowAt(order, i)));
  beginColumn(rows, bytes);
  for (let first: u32 = 0; first < rows; first += PAGE_ROWS) {
    const count = min(PAGE_ROWS, rows - first);
    const head = outStart();
    let to = writeLevels(head, count);
    const headLength = <u32>(to - head);
    const body = to;
    for (let i = first; i < first + count; i++) {
      const id = idAddress(rowAt(order, i));
      const length = load<u32>(id) + 4;
      copyBytes(to, id, length);
      to += length;
    }
    outEnd(to);
    addDataPage(PLAIN, count, head, headLength, body, <u32>(to - body));
    addIdBounds(first, count, order);
  }
}

/** Compares the first 8 bytes of each id, and all of it only where those do not decide. */
function addIdBounds(first: u32, count: u32, order: usize): void {
  let least = idAddress(rowAt(order, first));
  let most = least;
  let leastStart = bigEndian(least + 4, load<u32>(least));
  let mostStart = leastStart;
  for (let i = first + 1; i < first + count; i++) {
    const id = idAddress(rowAt(order, i));
    const length = load<u32>(id);
    const start = bigEndian(id + 4, length);
    if (start <= leastStart) {
      if (start < leastStart || compareBytes(id + 4, length, least + 4, load<u32>(least)) < 0) {
        least = id;
        leastStart = start;
      }
    }
    if (start >= mostStart) {
      if (start > mostStart || compareBytes(id + 4, length, most + 4, load<u32>(most)) > 0) {
        most = id;
        mostStart = start;
      }
    }
  }
  addStringBounds(least + 4, load<u32>(least), most + 4, load<u32>(most));
}
