// Areas: growable pieces of linear memory for the columns of one batch.
//
// An area is a power-of-two piece that doubles when it is full; the old piece goes to a free list
// by size and serves the next area that needs one. Between batches an area keeps its piece and only
// forgets its length, so that a process in its steady state allocates no memory and moves none.

import { reserve } from './memory';

/** 64 KiB: the smallest piece. */
const SMALLEST_LOG2: i32 = 16;

/**
 * Heads of the free lists, one per power of two; a free piece holds the address of the next one.
 */
const FREE_PIECES: usize = memory.data(32 * 4, 4);

/** 12 bytes in static memory; zeroed = empty. */
@unmanaged
export class Area {
  address: usize;
  capacity: usize;
  length: usize;

  /**
   * Makes room for `bytes` in all and keeps what is there; returns the address, which may have
   * moved.
   */
  fit(bytes: usize): usize {
    if (bytes > this.capacity) grow(this, bytes);
    return this.address;
  }

  /** Makes room for `more` bytes past the length; returns where they go. */
  @inline
  room(more: usize): usize {
    const end = this.length + more;
    if (end > this.capacity) grow(this, end);
    return this.address + this.length;
  }
}

function grow(area: Area, bytes: usize): void {
  const log2 = max<i32>(SMALLEST_LOG2, 32 - clz<i32>(<i32>(bytes - 1)));
  // Out of memory: the caller's limits are far below, so the machine itself has refused; the
  // wrapper reports it.
  if (log2 > 31) unreachable();
  const address = takePiece(log2);
  if (area.capacity > 0) {
    memory.copy(address, area.address, area.length);
    givePiece(area.address, area.capacity);
  }
  area.address = address;
  area.capacity = <usize>1 << log2;
}

function takePiece(log2: i32): usize {
  const head = FREE_PIECES + (log2 << 2);
  const free = load<u32>(head);
  if (free != 0) {
    store<u32>(head, load<u32>(free));
    return free;
  }
  const address = reserve(<usize>1 << log2);
  if (address == 0) unreachable();
  return address;
}

function givePiece(address: usize, capacity: usize): void {
  const head = FREE_PIECES + (ctz<i32>(<i32>capacity) << 2);
  store<u32>(address, load<u32>(head));
  store<u32>(head, <u32>address);
}
