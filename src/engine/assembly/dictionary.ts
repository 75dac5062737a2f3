// A dictionary of strings: each distinct string of a column gets a code, in order of first
// appearance.
//
//   slots    u64 each: hash u32 | record offset << 32; 0 = free; open addressing, at most half full
//   records  u64 each, by code: the same word that stands in the slot
//   heap     records, 16-byte aligned: code u32 | length u32 | bytes; from +4 as in a PLAIN page
//
// Whole strings are compared, so any bytes of any length are right; hashes only make it fast.

import { Area } from './arena';
import { copyBytes, equalBytes } from './columns-bytes';
import { dictionaryHash } from './hash';
import { NULL_LENGTH } from './rows';

/** The code of null. */
export const NULL_CODE: u32 = 0xffffffff;

export const DICTIONARY_BYTES: i32 = 64;

const FIRST_SLOTS_LOG2: i32 = 10;
/** Offset 0 would make a free slot. */
const HEAP_START: usize = 16;

/** In static memory, zeroed; needs `clear()` before its first use. */
@unmanaged
export class Dictionary {
  /** How many strings. */
  count: u32;
  /** 32 - log2 of the number of slots. */
  shift: u32;

  get slots(): Area { return changetype<Area>(changetype<usize>(this) + 16); }
  get heap(): Area { return changetype<Area>(changetype<usize>(this) + 28); }
  get records(): Area { return changetype<Area>(changetype<usize>(this) + 40); }

  /** The record of a code: its length lies at +4, its bytes from +8. */
  @inline
  record(code: u32): usize {
    return this.heap.address + load<u32>(this.records.address + (<usize>code << 3), 4);
  }

  /** Forgets all strings; a big table shrinks, because clearing it costs time in each batch. */
  clear(): void {
    const slotBytes = <usize>8 << FIRST_SLOTS_LOG2;
    memory.fill(this.slots.fit(slotBytes), 0, slotBytes);
    this.shift = 32 - FIRST_SLOTS_LOG2;
    this.heap.fit(HEAP_START);
    this.heap.length = HEAP_START;
    this.records.length = 0;
    this.count = 0;
  }

  /** Adds a string that is not there. */
  insert(address: usize, length: u32, hash: u32): u32 {
    if (<usize>(this.count + 1) << 1 > <usize>1 << (32 - this.shift)) this.rehash();
    const code = this.count++;
    const recordBytes: usize = (<usize>length + 23) & ~(<usize>15);
    const record = this.heap.room(recordBytes);
    const offset = <u32>this.heap.length;
    this.heap.length += recordBytes;
    store<u32>(record, code);
    store<u32>(record, length, 4);
    copyBytes(record + 8, address, length);
    const slot = (<u64>offset << 32) | <u64>hash;
    store<u64>(this.records.room(8), slot);
    this.records.length += 8;
    place(this.slots.address, this.shift, slot);
    return code;
  }

  private rehash(): void {
    this.shift--;
    const bytes = <usize>8 << (32 - this.shift);
    memory.fill(this.slots.fit(bytes), 0, bytes);
    const records = this.records.address;
    for (let at: usize = 0; at < this.records.length; at += 8) {
      place(this.slots.address, this.shift, load<u64>(records + at));
    }
  }
}

@inline
function place(slots: usize, shift: u32, slot: u64): void {
  const mask: u32 = (<u32>1 << (32 - shift)) - 1;
  let index = <u32>slot >> shift;
  while (load<u64>(slots + (<usize>index << 3)) != 0) index = (index + 1) & mask;
  store<u64>(slots + (<usize>index << 3), slot);
}

/**
 * The codes of `count` strings (u32 each at `codes`), adding those that are new. `selection` holds
 * the block's row numbers (u16), `addresses` and `lengths` are the block's arrays. Returns how many
 * are null.
 */
export function encodeStrings(
  dictionary: Dictionary, addresses: usize, lengths: usize, selection: usize, count: u32,
  codes: usize,
): u32 {
  let nulls: u32 = 0;
  let slots = dictionary.slots.address;
  let heap = dictionary.heap.address;
  let shift = dictionary.shift;
  let mask: u32 = (<u32>1 << (32 - shift)) - 1;
  for (let i: usize = 0; i < count; i++) {
    const row = <usize>load<u16>(selection + (i << 1)) << 2;
    const length = load<u32>(lengths + row);
    if (length == NULL_LENGTH) {
      store<u32>(codes + (i << 2), NULL_CODE);
      nulls++;
      continue;
    }
    const address = <usize>load<u32>(addresses + row);
    const hash = dictionaryHash(address, length);
    let index = hash >> shift;
    let code: u32 = NULL_CODE;
    while (true) {
      const slot = load<u64>(slots + (<usize>index << 3));
      if (<u32>slot == hash && slot != 0) {
        const record = heap + <usize>(slot >> 32);
        if (load<u32>(record, 4) == length && equalBytes(record + 8, address, length)) {
          code = load<u32>(record);
          break;
        }
      }
      if (slot == 0) {
        code = dictionary.insert(address, length, hash);
        slots = dictionary.slots.address;
        heap = dictionary.heap.address;
        shift = dictionary.shift;
        mask = (<u32>1 << (32 - shift)) - 1;
        break;
      }
      index = (index + 1) & mask;
    }
    store<u32>(codes + (i << 2), code);
  }
  return nulls;
}
