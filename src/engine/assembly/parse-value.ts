// Values that are not stored: checked in full, then skipped.

import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './parse-bytes';
import { skipNumber } from './parse-number';
import { skipString } from './parse-string';

const DEPTH_MAX: i32 = 64;

/** Whether the last `skipValue` that returned 0 stopped at a container nested too deep. */
export let stoppedAtDepth: bool = false;

export function forgetDepth(): void {
  stoppedAtDepth = false;
}

/** `null` at `p`? */
// @ts-ignore: decorator
@inline
export function isNull(p: usize): bool {
  return load<u32>(p) == 0x6c6c756e;
}

/**
 * The position after the value at `p`, which lies in containers of depth `depth`; 0: not a value.
 * Open containers are bits of a word: 1 an object, 0 an array, the innermost lowest.
 */
export function skipValue(p: usize, depth: i32): usize {
  let open: u64 = 0;
  let levels = 0;
  while (true) {
    const byte = load<u8>(p);
    if (byte == OPEN_BRACE || byte == OPEN_BRACKET) {
      levels++;
      if (depth + levels > DEPTH_MAX) {
        stoppedAtDepth = true;
        return 0;
      }
      open = (open << 1) | <u64>(byte == OPEN_BRACE);
      p = skipSpace(p + 1);
      // The closing bracket lies two after the opening one in both cases.
      if (load<u8>(p) != byte + 2) {
        if (byte == OPEN_BRACE) {
          p = skipKey(p);
          if (p == 0) return 0;
        }
        continue;
      }
    } else {
      p = skipScalar(p);
      if (p == 0) return 0;
      if (levels == 0) return p;
      p = skipSpace(p);
    }
    // Here p is after a value inside a container, or at the bracket that closes an empty one.
    while (load<u8>(p) != COMMA) {
      if (load<u8>(p) != (open & 1 ? CLOSE_BRACE : CLOSE_BRACKET)) return 0;
      p++;
      open >>= 1;
      if (--levels == 0) return p;
      p = skipSpace(p);
    }
    p = skipSpace(p + 1);
    if (open & 1) {
      p = skipKey(p);
      if (p == 0) return 0;
    }
  }
}

/** From the quote of a key to its value. */
function skipKey(p: usize): usize {
  if (load<u8>(p) != QUOTE) return 0;
  p = skipString(p + 1);
  if (p == 0) return 0;
  p = skipSpace(p);
  return load<u8>(p) == COLON ? skipSpace(p + 1) : 0;
}

function skipScalar(p: usize): usize {
  switch (load<u8>(p)) {
    case 0x22: // "
      return skipString(p + 1);
    case 0x6e: // null
      return isNull(p) ? p + 4 : 0;
    case 0x74: // true
      return load<u32>(p) == 0x65757274 ? p + 4 : 0;
    case 0x66: // false
      return load<u32>(p, 1) == 0x65736c61 ? p + 5 : 0;
    default:
      return skipNumber(p);
  }
}
