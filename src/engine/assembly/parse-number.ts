// Numbers: RFC 8259, section 6, to the nearest double and to whole millionths.
//
//   number = [ minus ] int [ frac ] [ exp ]      int = zero / ( digit1-9 *DIGIT )
//
// With w the digits as an integer and e the decimal exponent: w <= 2^53 and |e| <= 22 make w * 10^e
// one correctly rounded operation on exact operands (Clinger 1990). With at most 15 significant
// digits the text is also the shortest form of its double (trailing zeros aside), so the millionths
// come from w and e. The rest, for example 0.30000000000000004, takes the longer ways of
// parse-decimal and parse-long-decimal.

import { nearestQuotient, QUOTIENT_PLACES_MAX, shortestMillionths } from './parse-decimal';
import { nearestDouble } from './parse-long-decimal';
import { isDigit, MINUS, PLUS, POINT, ZERO } from './parse-bytes';

/** What the last `readRevenue` found; the other two say nothing when it is out of range. */
export let revenueInRange: bool = false;
export let revenueDouble: f64 = 0;
export let revenueMillionths: i64 = 0;

const REVENUE_MAX: f64 = 1e9;

/** 10^0 to 10^22: all exact as doubles. */
const POWERS: usize = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]);
/** 10^0 to 10^18 as integers. */
const INTEGER_POWERS: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
  100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
  10000000000000000, 100000000000000000, 1000000000000000000,
]);

// @ts-ignore: decorator
@inline
function power(exponent: i32): f64 {
  return load<f64>(POWERS + (<usize>exponent << 3));
}

// @ts-ignore: decorator
@inline
function integerPower(exponent: i32): u64 {
  return load<u64>(INTEGER_POWERS + (<usize>exponent << 3));
}

/**
 * The value of eight digits, the first in the lowest byte; only the low half of each byte is read.
 */
// @ts-ignore: decorator
@inline
export function eightDigits(text: u64): u64 {
  let value = ((text & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8;
  value = ((value & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((value & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/** Reads a number; returns the position after it, 0: not a number. What follows is not read. */
// @ts-ignore: decorator
@inline
export function readRevenue(p: usize): usize {
  // The usual form: up to 8 digits, then perhaps a point and up to 6 digits.
  const isNegative = load<u8>(p) == MINUS;
  const start = p + <usize>isNegative;
  const digits = i8x16.sub(v128.load(start), i8x16.splat(0x30));
  let others = i8x16.bitmask(i8x16.gt_u(digits, i8x16.splat(9))) | 0x10000;
  const whole = ctz(others);
  if (<u32>(whole - 1) > 7) return readRevenueSlow(p);
  const first = load<u64>(start);
  if (<u8>first == ZERO && whole > 1) return 0;
  let value = eightDigits(first << <u64>((8 - whole) << 3));
  let places = 0;
  let end = start + <usize>whole;
  if (load<u8>(end) == POINT) {
    others &= others - 1;
    const next = ctz(others);
    places = next - whole - 1;
    if (<u32>(places - 1) > 5) return readRevenueSlow(p);
    const fraction = eightDigits(load<u64>(end + 1) << <u64>((8 - places) << 3));
    value = value * integerPower(places) + fraction;
    end = start + <usize>next;
  }
  if ((load<u8>(end) | 0x20) == 0x65 /* e */) return readRevenueSlow(p);
  const magnitude = <f64>(<i64>value) / power(places);
  const millionths = <i64>(value * integerPower(6 - places));
  revenueInRange = true;
  // 0 - 0 is 0 where -0 would be stored as such.
  revenueDouble = isNegative ? 0 - magnitude : magnitude;
  revenueMillionths = isNegative ? -millionths : millionths;
  return end;
}

function readRevenueSlow(start: usize): usize {
  const end = skipNumber(start);
  if (end == 0) return 0;
  const isNegative = load<u8>(start) == MINUS;
  // w, its significant digits, e; digits past 19 are counted but not kept.
  let w: u64 = 0;
  let significant = 0;
  let isWhole = true;
  let exponent = 0;
  let p = start + <usize>isNegative;
  for (; p < end; p++) {
    const byte = load<u8>(p);
    if (byte == POINT) {
      isWhole = false;
      continue;
    }
    if (!isDigit(byte)) break;
    if (significant < 19) {
      w = w * 10 + (byte - ZERO);
      if (w != 0) significant++;
      if (!isWhole) exponent--;
    } else {
      significant++;
      if (isWhole) exponent++;
    }
  }
  const written = p < end ? readExponent(p + 1, end) : 0;
  exponent += written;
  let value: f64 = 0;
  if (w == 0) {
    value = 0;
  } else if (significant <= 19 && w <= 9007199254740992 && abs(exponent) <= 22) {
    value = exponent < 0 ? <f64>(<i64>w) / power(-exponent) : <f64>(<i64>w) * power(exponent);
  } else if (significant <= 19 && exponent < 0 && exponent >= -QUOTIENT_PLACES_MAX) {
    value = nearestQuotient(w, -exponent);
  } else {
    value = nearestDouble(start, p, written);
  }
  revenueInRange = value <= REVENUE_MAX;
  if (!revenueInRange) return end;
  const isShort = significant <= 15;
  const millionths = isShort ? shortMillionths(w, exponent + 6) : shortestMillionths(value);
  revenueDouble = isNegative ? 0 - value : value;
  revenueMillionths = isNegative ? -millionths : millionths;
  return end;
}

/** From the sign or the first digit; held to a million, where every number is 0 or out of range. */
function readExponent(p: usize, end: usize): i32 {
  const sign = load<u8>(p);
  let exponent = 0;
  for (p += <usize>(sign == MINUS || sign == PLUS); p < end; p++) {
    exponent = min(exponent * 10 + (load<u8>(p) - ZERO), 1000000);
  }
  return sign == MINUS ? -exponent : exponent;
}

/** w * 10^scale rounded half up; w < 10^15 and the result at most 10^15. */
function shortMillionths(w: u64, scale: i32): i64 {
  if (w == 0) return 0;
  if (scale >= 0) return <i64>(w * integerPower(scale));
  // From 10^17 on, 15 digits are less than a half.
  if (scale < -16) return 0;
  const divisor = integerPower(-scale);
  return <i64>((w + (divisor >> 1)) / divisor);
}

/** The position after the number at `p`; 0: not a number. */
export function skipNumber(p: usize): usize {
  if (load<u8>(p) == MINUS) p++;
  if (load<u8>(p) == ZERO) {
    p++;
  } else {
    if (!isDigit(load<u8>(p))) return 0;
    p = skipDigits(p);
  }
  if (load<u8>(p) == POINT) {
    p++;
    if (!isDigit(load<u8>(p))) return 0;
    p = skipDigits(p);
  }
  if ((load<u8>(p) | 0x20) == 0x65 /* e */) {
    p++;
    const sign = load<u8>(p);
    if (sign == PLUS || sign == MINUS) p++;
    if (!isDigit(load<u8>(p))) return 0;
    p = skipDigits(p);
  }
  return p;
}

function skipDigits(p: usize): usize {
  while (isDigit(load<u8>(p))) p++;
  return p;
}
