// Bytes of strings: copy, equality and order, 8 or 16 at a time.
//
// All of them may read up to 16 bytes past the ends of what they are given (every area and the
// parser's strings have that slack); what is there never changes the result.

/** 16 bytes of ones, then 16 of zeros: loaded at 16 - n it keeps the first n bytes. */
const KEEP: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
], 16);

@inline
export function copyBytes(to: usize, from: usize, length: u32): void {
  for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at));
}

@inline
export function equalBytes(left: usize, right: usize, length: u32): bool {
  let at: usize = 0;
  for (; at + 16 <= length; at += 16) {
    if (v128.any_true(v128.xor(v128.load(left + at), v128.load(right + at)))) return false;
  }
  const keep = v128.load(KEEP + 16 - (length & 15));
  const differ = v128.xor(v128.load(left + at), v128.load(right + at));
  return !v128.any_true(v128.and(differ, keep));
}

/** Byte-wise unsigned order, the shorter of two equal beginnings first: below 0, 0 or above 0. */
export function compareBytes(left: usize, leftLength: u32, right: usize, rightLength: u32): i32 {
  const common = min(leftLength, rightLength);
  for (let at: usize = 0; at < common; at += 8) {
    const a = bigEndian(left + at, common - <u32>at);
    const b = bigEndian(right + at, common - <u32>at);
    if (a != b) return a < b ? -1 : 1;
  }
  return <i32>leftLength - <i32>rightLength;
}

/**
 * The first 8 bytes as a number whose order is that of the bytes; zeros where the string has ended.
 */
@inline
export function bigEndian(address: usize, length: u32): u64 {
  const word = bswap<u64>(load<u64>(address));
  if (length >= 8) return word;
  return word & ~(<u64>0xffffffffffffffff >> (<u64>length << 3));
}
