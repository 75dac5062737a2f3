// The bytes that mean something in JSON, and the two searches that everything else is built on.
//
// The input is followed by zero bytes (INPUT_PADDING of them). Zero stands nowhere in a JSON text,
// so every scan ends there by itself and nothing below checks for the end of the input.

export const INPUT_PADDING: usize = 64;

export const TAB: u8 = 0x09;
export const LF: u8 = 0x0a;
export const CR: u8 = 0x0d;
export const SPACE: u8 = 0x20;
export const QUOTE: u8 = 0x22;
export const PLUS: u8 = 0x2b;
export const COMMA: u8 = 0x2c;
export const MINUS: u8 = 0x2d;
export const POINT: u8 = 0x2e;
export const ZERO: u8 = 0x30;
export const COLON: u8 = 0x3a;
export const OPEN_BRACKET: u8 = 0x5b;
export const BACKSLASH: u8 = 0x5c;
export const CLOSE_BRACKET: u8 = 0x5d;
export const OPEN_BRACE: u8 = 0x7b;
export const CLOSE_BRACE: u8 = 0x7d;

/** Whether LF is white space: not where it separates the events. */
let feedIsSpace: bool = true;

/** Whether `skipSpace` has met a line feed or a carriage return in this body. */
export let hasMetFeed: bool = false;

export function beginSpace(isFeedSpace: bool): void {
  feedIsSpace = isFeedSpace;
  hasMetFeed = false;
}

/** The first position from `p` that is not JSON white space. */
// @ts-ignore: decorator
@inline
export function skipSpace(p: usize): usize {
  return load<u8>(p) > SPACE ? p : skipSpaceSlow(p);
}

function skipSpaceSlow(p: usize): usize {
  while (true) {
    const byte = load<u8>(p);
    if (byte == LF) {
      if (!feedIsSpace) return p;
      hasMetFeed = true;
    } else if (byte == CR) {
      hasMetFeed = true;
    } else if (byte != SPACE && byte != TAB) {
      return p;
    }
    p++;
  }
}

/** The first position from `p` that is not JSON white space, line feeds included. */
export function skipSpaceAndFeeds(p: usize): usize {
  while (true) {
    const byte = load<u8>(p);
    if (byte > SPACE || (byte != SPACE && byte != LF && byte != CR && byte != TAB)) return p;
    p++;
  }
}

/** The first quote, backslash, control character or byte of a non-ASCII character from `p`. */
// @ts-ignore: decorator
@inline
export function plainEnd(p: usize): usize {
  while (true) {
    const bytes = v128.load(p);
    const stops = v128.or(
      // Signed: control characters and the bytes from 0x80 are both less than a space.
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
    );
    const mask = i8x16.bitmask(stops);
    if (mask != 0) return p + <usize>ctz(mask);
    p += 16;
  }
}

/** The first line feed from `p`, or `end`. */
export function lineEnd(p: usize, end: usize): usize {
  for (; p < end; p += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x0a)));
    if (mask != 0) return min(p + <usize>ctz(mask), end);
  }
  return end;
}

/** `end` moved back over white space, not before `start`. */
export function trimEnd(start: usize, end: usize): usize {
  while (end > start) {
    const byte = load<u8>(end - 1);
    if (byte != SPACE && byte != LF && byte != CR && byte != TAB) break;
    end--;
  }
  return end;
}

// @ts-ignore: decorator
@inline
export function isDigit(byte: u8): bool {
  return <u8>(byte - ZERO) <= 9;
}
