// Where a broken element of an array ends: the rule of src/event/split-body.ts.
//
// Only asked after the parser has given up on an element; a sound one ends where its value ends.

import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './parse-bytes';

/**
 * The comma or bracket that ends the element at `p`, at `end` or before; 0: the array is never
 * closed.
 */
export function elementEnd(p: usize, end: usize): usize {
  let depth = 0;
  for (; p < end; p++) {
    switch (load<u8>(p)) {
      case QUOTE:
        p = closingQuote(p + 1, end);
        break;
      case COMMA:
        if (depth == 0) return p;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        break;
      case CLOSE_BRACKET:
        if (depth == 0) return p;
        depth--;
        break;
      case CLOSE_BRACE:
        if (depth == 0) return 0;
        depth--;
        break;
    }
  }
  return 0;
}

/** Every byte after a backslash is skipped, whatever it is. */
function closingQuote(p: usize, end: usize): usize {
  while (p < end) {
    const bytes = v128.load(p);
    const stops = v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c)));
    const mask = i8x16.bitmask(stops);
    if (mask == 0) {
      p += 16;
      continue;
    }
    p += <usize>ctz(mask);
    if (load<u8>(p) == QUOTE) return p;
    p += 2;
  }
  return end;
}
