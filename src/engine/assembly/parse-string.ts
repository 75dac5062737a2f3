// Strings: where they end, and their content.
//
// A string without escapes is used in place, in the input. One with escapes is decoded into a
// slot; what does not fit the slot is only counted, as such a string is too long for its field
// anyway.

import { BACKSLASH, plainEnd, QUOTE } from './parse-bytes';
import { characterLength } from './parse-utf8';

/**
 * What the last `readString` found: its decoded bytes, and whether a surrogate stood alone in it.
 */
export let stringAddress: usize = 0;
export let stringLength: u32 = 0;
export let stringHasLoneSurrogate: bool = false;

/**
 * Reads on from after the opening quote; returns the position after the closing one, 0: not a
 * string.
 */
// @ts-ignore: decorator
@inline
export function readString(start: usize, slot: usize, slotBytes: u32): usize {
  const end = plainEnd(start);
  if (load<u8>(end) != QUOTE) return readStringSlow(start, end, slot, slotBytes);
  stringAddress = start;
  stringLength = <u32>(end - start);
  stringHasLoneSurrogate = false;
  return end + 1;
}

/** The same for a string that is not stored. */
// @ts-ignore: decorator
@inline
export function skipString(start: usize): usize {
  const end = plainEnd(start);
  return load<u8>(end) == QUOTE ? end + 1 : readStringSlow(start, end, 0, 0);
}

/** `p` is the first byte from `start` that is not plain. */
export function readStringSlow(start: usize, p: usize, slot: usize, slotBytes: u32): usize {
  let run = start;
  let isEscaped = false;
  stringLength = 0;
  stringHasLoneSurrogate = false;
  while (true) {
    const byte = load<u8>(p);
    if (byte == QUOTE) break;
    if (byte >= 0x80) {
      const length = characterLength(p);
      if (length == 0) return 0;
      p += length;
      if (load<u8>(p) < 0x80) p = plainEnd(p);
    } else if (byte == BACKSLASH) {
      append(run, <u32>(p - run), slot, slotBytes);
      isEscaped = true;
      p = readEscape(p + 1, slot, slotBytes);
      if (p == 0) return 0;
      run = p;
      p = plainEnd(p);
    } else {
      return 0;
    }
  }
  append(run, <u32>(p - run), slot, slotBytes);
  stringAddress = isEscaped ? slot : start;
  return p + 1;
}

function append(from: usize, length: u32, slot: usize, slotBytes: u32): void {
  if (stringLength < slotBytes) {
    memory.copy(slot + stringLength, from, min(length, slotBytes - stringLength));
  }
  stringLength += length;
}

/** `p` is after the backslash; returns the position after the escape, 0: not an escape. */
function readEscape(p: usize, slot: usize, slotBytes: u32): usize {
  const letter = load<u8>(p);
  if (letter != 0x75 /* u */) {
    const byte = shortEscape(letter);
    if (byte == 0) return 0;
    appendCharacter(byte, 1, slot, slotBytes);
    return p + 1;
  }
  const unit = hexUnit(p + 1);
  if (unit > 0xffff) return 0;
  p += 5;
  if ((unit & 0xf800) != 0xd800) {
    appendCodePoint(unit, slot, slotBytes);
    return p;
  }
  if (unit < 0xdc00 && load<u16>(p) == 0x755c /* \u */) {
    const low = hexUnit(p + 2);
    if ((low & 0xfffffc00) == 0xdc00) {
      appendCodePoint(0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff), slot, slotBytes);
      return p + 6;
    }
  }
  stringHasLoneSurrogate = true;
  // Three bytes that are in no field's name and no event type.
  appendCharacter(0xffffff, 3, slot, slotBytes);
  return p;
}

function shortEscape(letter: u8): u32 {
  switch (letter) {
    case 0x22: // "
    case 0x5c: // backslash
    case 0x2f: // slash
      return letter;
    case 0x62: // b
      return 0x08;
    case 0x66: // f
      return 0x0c;
    case 0x6e: // n
      return 0x0a;
    case 0x72: // r
      return 0x0d;
    case 0x74: // t
      return 0x09;
    default:
      return 0;
  }
}

/** Four hexadecimal digits; more than 0xffff: they are not. */
function hexUnit(p: usize): u32 {
  let unit: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte = load<u8>(p + i);
    const letter = (byte | 0x20) - 0x61;
    if (<u8>(byte - 0x30) <= 9) unit = (unit << 4) | (byte - 0x30);
    else if (<u8>letter <= 5) unit = (unit << 4) | (<u8>letter + 10);
    else return 0x10000;
  }
  return unit;
}

function appendCodePoint(code: u32, slot: usize, slotBytes: u32): void {
  const tail0 = 0x80 | (code & 0x3f);
  const tail1 = 0x80 | ((code >> 6) & 0x3f);
  const tail2 = 0x80 | ((code >> 12) & 0x3f);
  if (code < 0x80) appendCharacter(code, 1, slot, slotBytes);
  else if (code < 0x800) appendCharacter((0xc0 | (code >> 6)) | (tail0 << 8), 2, slot, slotBytes);
  else if (code < 0x10000) {
    appendCharacter((0xe0 | (code >> 12)) | (tail1 << 8) | (tail0 << 16), 3, slot, slotBytes);
  } else {
    const bytes = (0xf0 | (code >> 18)) | (tail2 << 8) | (tail1 << 16) | (tail0 << 24);
    appendCharacter(bytes, 4, slot, slotBytes);
  }
}

/** `bytes` holds the first byte lowest. */
function appendCharacter(bytes: u32, length: u32, slot: usize, slotBytes: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    if (stringLength + i < slotBytes) store<u8>(slot + stringLength + i, <u8>(bytes >> (i << 3)));
  }
  stringLength += length;
}
