// Timestamps: RFC 3339 with an optional offset, to microseconds.
//
//   0    5    10    16  19
//   YYYY-MM-DDThh:mm:ss[.1-9 digits][Z | (+|-)hh:mm]
//
// The first 16 bytes are decoded in one register, and kept: most events share their minute with the
// one before.

import { eightDigits } from './parse-number';
import { COLON, isDigit, MINUS, PLUS, POINT, QUOTE, ZERO } from './parse-bytes';

/** What the last successful read found. */
export let timestampUs: i64 = 0;

const US_PER_SECOND: i64 = 1000000;
const US_PER_MINUTE: i64 = 60000000;
const UTC: u8 = 0x5a; // Z

/** The last 16 bytes decoded, and what they meant: 1970-01-01T00:00 at first. */
const LAST_MINUTE: usize = memory.data<u8>(
  [0x31, 0x39, 0x37, 0x30, 0x2d, 0x30, 0x31, 0x2d, 0x30, 0x31, 0x54, 0x30, 0x30, 0x3a, 0x30, 0x30],
  16,
);
let lastMinuteUs: i64 = 0;

/** Room for the longest form, 35 bytes, and for what 16-byte loads see past it. */
export const TIMESTAMP_BYTES_MAX: u32 = 35;
const COPY: usize = memory.data(64, 16);

/**
 * Reads the usual forms, with `Z` or nothing after the digits, from after the opening quote;
 * returns the position after the closing quote. 0: something else, which may still be a timestamp.
 */
// @ts-ignore: decorator
@inline
export function readUsualTimestamp(p: usize): usize {
  if (load<u8>(p, 16) != COLON) return 0;
  const tens = <u32>load<u8>(p, 17) - ZERO;
  const ones = <u32>load<u8>(p, 18) - ZERO;
  if (tens > 5 || ones > 9 || !setMinute(p)) return 0;
  let us = lastMinuteUs + <i64>(tens * 10 + ones) * US_PER_SECOND;
  let end = p + 19;
  if (load<u8>(end) == POINT) {
    const length = fractionLength(end + 1);
    if (<u32>(length - 1) > 8) return 0;
    us += fractionUs(end + 1, length);
    end += 1 + length;
  }
  if (load<u8>(end) == UTC) end++;
  if (load<u8>(end) != QUOTE) return 0;
  timestampUs = us;
  return end + 1;
}

/** Any form, as a decoded string; false: not a timestamp. */
export function readTimestampText(address: usize, length: u32): bool {
  if (length < 19 || length > TIMESTAMP_BYTES_MAX) return false;
  // A copy ends in zero bytes, whatever follows the string.
  memory.fill(COPY, 0, 64);
  memory.copy(COPY, address, length);
  if (load<u8>(COPY, 16) != COLON || !isDigit(load<u8>(COPY, 17)) || !isDigit(load<u8>(COPY, 18))) {
    return false;
  }
  const second = twoDigits(COPY + 17);
  if (second > 59 || !setMinute(COPY)) return false;
  let us = lastMinuteUs + <i64>second * US_PER_SECOND;
  let p = COPY + 19;
  if (load<u8>(p) == POINT) {
    const digits = fractionLength(p + 1);
    if (<u32>(digits - 1) > 8) return false;
    us += fractionUs(p + 1, digits);
    p += 1 + digits;
  }
  const sign = load<u8>(p);
  if (sign == UTC) {
    p++;
  } else if (sign == PLUS || sign == MINUS) {
    const minutes = offsetMinutes(p + 1);
    if (minutes < 0) return false;
    us += <i64>(sign == PLUS ? -minutes : minutes) * US_PER_MINUTE;
    p += 6;
  }
  timestampUs = us;
  return p == COPY + length;
}

/** hh:mm; less than 0: it is not. */
function offsetMinutes(p: usize): i32 {
  if (!isDigit(load<u8>(p)) || !isDigit(load<u8>(p, 1)) || load<u8>(p, 2) != COLON) return -1;
  if (!isDigit(load<u8>(p, 3)) || !isDigit(load<u8>(p, 4))) return -1;
  const hours = twoDigits(p);
  const minutes = twoDigits(p + 3);
  return hours > 23 || minutes > 59 ? -1 : <i32>(hours * 60 + minutes);
}

// @ts-ignore: decorator
@inline
function twoDigits(p: usize): u32 {
  return <u32>(load<u8>(p) & 15) * 10 + (load<u8>(p, 1) & 15);
}

/** How many digits stand from `p`, of the first 16 bytes. */
// @ts-ignore: decorator
@inline
function fractionLength(p: usize): u32 {
  const digits = i8x16.sub(v128.load(p), i8x16.splat(0x30));
  return <u32>ctz(i8x16.bitmask(i8x16.gt_u(digits, i8x16.splat(9))) | 0x10000);
}

/** The first six of `length` digits, as microseconds. */
// @ts-ignore: decorator
@inline
function fractionUs(p: usize, length: u32): i64 {
  const kept = <u64>min(length, 6);
  // Digits past the kept ones become zeros behind, two zeros go before.
  const digits = load<u64>(p) & ((<u64>1 << (kept << 3)) - 1);
  return <i64>eightDigits(digits << 16);
}

/** Sets lastMinuteUs from YYYY-MM-DDThh:mm at `p`; false: it is not. */
// @ts-ignore: decorator
@inline
function setMinute(p: usize): bool {
  const text = v128.load(p);
  return !v128.any_true(v128.xor(text, v128.load(LAST_MINUTE))) || decodeMinute(text);
}

function decodeMinute(text: v128): bool {
  // Digits everywhere but at 4, 7, 10 and 13, and there what must stand there.
  const digits = i8x16.sub(text, i8x16.splat(0x30));
  if (i8x16.bitmask(i8x16.gt_u(digits, i8x16.splat(9))) != 0x2490) return false;
  const marks = i8x16(0, 0, 0, 0, 0x2d, 0, 0, 0x2d, 0, 0, 0x54, 0, 0, 0x3a, 0, 0);
  if (i8x16.bitmask(i8x16.eq(text, marks)) != 0x2490) return false;
  // YY YY MM DD hh mm, a lane of 16 bits each: tens in the low byte, ones in the high byte.
  const pairs = i8x16.shuffle(digits, digits, 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 4, 4, 4, 4);
  const tens = v128.and(pairs, i16x8.splat(0xff));
  const values = i16x8.add(i16x8.mul(tens, i16x8.splat(10)), i16x8.shr_u(pairs, 8));
  const year = <i32>i16x8.extract_lane_u(values, 0) * 100 + <i32>i16x8.extract_lane_u(values, 1);
  const month = <i32>i16x8.extract_lane_u(values, 2);
  const day = <i32>i16x8.extract_lane_u(values, 3);
  const hour = <i64>i16x8.extract_lane_u(values, 4);
  const minute = <i64>i16x8.extract_lane_u(values, 5);
  if (year < 1 || hour > 23 || minute > 59 || <u32>(month - 1) > 11) return false;
  if (<u32>(day - 1) >= <u32>daysInMonth(year, month)) return false;
  lastMinuteUs = (<i64>daysFromCivil(year, month, day) * 1440 + hour * 60 + minute) * US_PER_MINUTE;
  v128.store(LAST_MINUTE, text);
  return true;
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month == 2) return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  // April, June, September, November: bits 4, 6, 9 and 11.
  return 31 - ((0xa50 >> month) & 1);
}

/**
 * Days since 1970-01-01, for years from 1 on: the year is taken to begin in March, so that leap
 * days end it.
 */
function daysFromCivil(year: i32, month: i32, day: i32): i32 {
  const y = month > 2 ? year : year - 1;
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719468;
}
