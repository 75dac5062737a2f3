// Dictionary indices in Parquet's encoding: u8 bit width, then the RLE / bit-packed hybrid.
//
// A page is one bit-packed run, or one RLE run when all its values are equal; zstd finds the
// repeats.

import { PAGE_ROWS, writeRun, writeVarint } from './pages';

/** The last group of a page, filled up with zeros to 8 values. */
const LAST_GROUP: usize = memory.data(32, 16);

/** The bit width for indices below `values`; at least 1, as some readers know no width of 0. */
export function indexWidth(values: u32): u32 {
  return values <= 2 ? 1 : 32 - clz<u32>(values - 1);
}

/** Room that the `writeIndices` of all pages need at most. */
export function indicesBytesMax(count: u32, width: u32): usize {
  // A page fills up its last group, and has a width, a run header and, if it is one run, a value.
  const pages = <usize>(count / PAGE_ROWS) + 2;
  return pages * (16 + <usize>width) + ((<usize>count * width) >> 3);
}

/** Writes `count` u32 indices below 2^width. Returns the end. */
export function writeIndices(to: usize, indices: usize, count: u32, width: u32): usize {
  store<u8>(to, <u8>width);
  if (count == 0) return to + 1;
  if (allEqual(indices, count)) {
    return writeRun(to + 1, count, load<u32>(indices), (width + 7) >> 3);
  }
  let at = writeVarint(to + 1, (((count + 7) >> 3) << 1) | 1);
  const whole = count & ~7;
  at = packGroups(at, indices, whole, width);
  if (whole == count) return at;
  memory.fill(LAST_GROUP, 0, 32);
  memory.copy(LAST_GROUP, indices + (<usize>whole << 2), <usize>(count - whole) << 2);
  return packGroups(at, LAST_GROUP, 8, width);
}

function allEqual(indices: usize, count: u32): bool {
  const first = load<u32>(indices);
  for (let i: usize = 1; i < count; i++) if (load<u32>(indices + (i << 2)) != first) return false;
  return true;
}

/**
 * `count` is a multiple of 8; 8 values take `width` bytes. Writes up to 8 bytes past the end it
 * returns.
 */
function packGroups(to: usize, from: usize, count: u32, width: u32): usize {
  const end = from + (<usize>count << 2);
  const w = <u64>width;
  if (width <= 8) {
    for (; from < end; from += 32, to += width) {
      store<u64>(to, pack4(from, w) | (pack4(from + 16, w) << (w << 2)));
    }
    return to;
  }
  if (width < 16) {
    for (; from < end; from += 32, to += width) {
      const high = pack4(from + 16, w);
      store<u64>(to, pack4(from, w) | (high << (w << 2)));
      store<u64>(to, high >> (64 - (w << 2)), 8);
    }
    return to;
  }
  for (; from < end; from += 32, to += width) packWide(to, from, w);
  return to;
}

/** Four values side by side; 4 * width <= 64. */
@inline
function pack4(from: usize, width: u64): u64 {
  return <u64>load<u32>(from) | (<u64>load<u32>(from, 4) << width)
    | (<u64>load<u32>(from, 8) << (width << 1)) | (<u64>load<u32>(from, 12) << (width * 3));
}

/** Eight values of 16 to 32 bits. */
function packWide(to: usize, from: usize, width: u64): void {
  let word: u64 = 0;
  let bits: u64 = 0;
  for (let k: usize = 0; k < 32; k += 4) {
    word |= <u64>load<u32>(from + k) << bits;
    bits += width;
    if (bits >= 32) {
      store<u32>(to, <u32>word);
      to += 4;
      word >>= 32;
      bits -= 32;
    }
  }
  store<u32>(to, <u32>word);
}
