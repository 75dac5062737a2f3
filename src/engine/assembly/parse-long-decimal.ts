// Decimals of any length to the nearest double: used when every faster way fails.
//
// The value is kept as digits, 0.d1 d2 d3 ... * 10^point, and doubled and halved until it is an
// integer of 53 bits ("simple decimal conversion": N. Tao,
// https://nigeltao.github.io/blog/2020/parse-number-f64-simple.html, after Go's strconv). 800
// digits decide every case; of further digits only whether one was not 0 is kept.

import { isDigit, POINT, ZERO } from './parse-bytes';

const DIGITS_MAX: i32 = 800;
/** A digit a byte, with room for what one shift adds in front. */
const DIGITS: usize = memory.data(832, 16);
let count: i32 = 0;
let point: i32 = 0;
let isCut: bool = false;

/** Bits of one shift: 9 * 2^56 and a carry fit 64 bits. 2^56 has 17 digits. */
const SHIFT_MAX: i32 = 56;
const SHIFT_DIGITS: i32 = 17;
/** Halvings that leave a value with up to 8 digits before its point at 1/2 or more. */
const HALVINGS: usize = memory.data<u8>([1, 3, 6, 9, 13, 16, 19, 23, 26]);

/** `[minus] digits [point digits]` from `p` to `end`, times 10^exponent. */
export function nearestDouble(p: usize, end: usize, exponent: i32): f64 {
  readDigits(p, end);
  point += exponent;
  if (count == 0 || point < -330) return 0;
  if (point > 310) return Infinity;
  // To 1/2 <= digits < 1, times 2^binary.
  let binary = 0;
  while (point > 0) binary += halve(halvings(point));
  while (point < 0 || load<u8>(DIGITS) < 5) binary -= double(halvings(-point));
  // To 1 <= value < 2; what is below the normal numbers has fewer bits.
  binary--;
  if (binary < -1022) binary += halveBy(-1022 - binary);
  if (binary > 1023) return Infinity;
  double(53);
  let mantissa = nearestInteger();
  if (mantissa == <u64>1 << 53) {
    mantissa >>= 1;
    if (++binary > 1023) return Infinity;
  }
  const isSubnormal = mantissa >> 52 == 0;
  const biased = isSubnormal ? 0 : <u64>(binary + 1023);
  return reinterpret<f64>((biased << 52) | (mantissa & 0xfffffffffffff));
}

/** For doublings too: of a value with so many zeros behind its point. 2^56 < 10^17, 2^26 < 10^8. */
function halvings(digits: i32): i32 {
  if (digits > 17) return SHIFT_MAX;
  return digits > 8 ? 26 : <i32>load<u8>(HALVINGS + <usize>digits);
}

function readDigits(p: usize, end: usize): void {
  count = 0;
  point = 0;
  isCut = false;
  let isWhole = true;
  for (; p < end; p++) {
    const byte = load<u8>(p);
    if (byte == POINT) isWhole = false;
    if (!isDigit(byte)) continue;
    const digit = <u8>(byte - ZERO);
    if (count == 0 && digit == 0) {
      if (!isWhole) point--;
      continue;
    }
    if (isWhole) point++;
    if (count < DIGITS_MAX) store<u8>(DIGITS + count++, digit);
    else isCut = isCut || digit != 0;
  }
  trim();
}

/** Zeros at the end say nothing; without them 0 has no digits. */
function trim(): void {
  while (count > 0 && load<u8>(DIGITS + count - 1) == 0) count--;
}

function halveBy(bits: i32): i32 {
  for (let left = bits; left > 0; left -= SHIFT_MAX) halve(min(left, SHIFT_MAX));
  return bits;
}

/** Divides by 2^bits, from the front; returns the bits. */
function halve(bits: i32): i32 {
  const shift = <u64>bits;
  const mask = (<u64>1 << shift) - 1;
  let from = 0;
  let to = 0;
  let value: u64 = 0;
  // As many digits as make the first one of the quotient; past the last they are zeros.
  while (value >> shift == 0) {
    value = value * 10 + (from < count ? load<u8>(DIGITS + from) : 0);
    from++;
  }
  point -= from - 1;
  while (true) {
    const digit = <u8>(value >> shift);
    if (to < DIGITS_MAX) store<u8>(DIGITS + to++, digit);
    else isCut = isCut || digit != 0;
    value &= mask;
    if (value == 0 && from >= count) break;
    value = value * 10 + (from < count ? load<u8>(DIGITS + from) : 0);
    from++;
  }
  count = to;
  trim();
  return bits;
}

/** Multiplies by 2^bits, from the end, into places in front of the digits; returns the bits. */
function double(bits: i32): i32 {
  const shift = <u64>bits;
  let carry: u64 = 0;
  for (let i = count - 1; i >= 0; i--) {
    carry += <u64>load<u8>(DIGITS + i) << shift;
    store<u8>(DIGITS + i + SHIFT_DIGITS, <u8>(carry % 10));
    carry /= 10;
  }
  for (let i = SHIFT_DIGITS - 1; i >= 0; i--) {
    store<u8>(DIGITS + i, <u8>(carry % 10));
    carry /= 10;
  }
  count += SHIFT_DIGITS;
  let zeros = 0;
  while (load<u8>(DIGITS + zeros) == 0) zeros++;
  point += SHIFT_DIGITS - zeros;
  count -= zeros;
  memory.copy(DIGITS, DIGITS + zeros, count);
  for (; count > DIGITS_MAX; count--) isCut = isCut || load<u8>(DIGITS + count - 1) != 0;
  trim();
  return bits;
}

/** The value as an integer, ties to even; it has at most 16 digits before the point. */
function nearestInteger(): u64 {
  let value: u64 = 0;
  for (let i = 0; i < point; i++) value = value * 10 + (i < count ? load<u8>(DIGITS + i) : 0);
  if (point < 0 || point >= count) return value;
  const next = load<u8>(DIGITS + point);
  const isTie = next == 5 && point + 1 == count && !isCut;
  const isUp = isTie ? (value & 1) != 0 : next >= 5;
  return value + u64(isUp);
}
