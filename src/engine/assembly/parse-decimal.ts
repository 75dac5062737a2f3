// Decimals to doubles where no single operation on doubles does it, and doubles to millionths: by
// integers only.

/** 5^0 to 5^27: what fits 63 bits. */
const FIVES: usize = memory.data(28 * 8, 8);
export const QUOTIENT_PLACES_MAX: i32 = 27;

/** The double nearest to w / 10^places, ties to even; w > 0, 0 < places <= 27. */
export function nearestQuotient(w: u64, places: i32): f64 {
  if (load<u64>(FIVES) == 0) fillFives();
  const five = load<u64>(FIVES + (<usize>places << 3));
  let bits = w / five;
  let rest = w % five;
  let exponent = -places;
  // Long division, bit by bit, until there are 3 bits more than a mantissa has.
  while (bits >> 55 == 0) {
    rest <<= 1;
    bits <<= 1;
    if (rest >= five) {
      rest -= five;
      bits |= 1;
    }
    exponent--;
  }
  return rounded(bits, rest != 0, exponent);
}

function fillFives(): void {
  let five: u64 = 1;
  for (let i: usize = 0; i < 28; i++) {
    store<u64>(FIVES + (i << 3), five);
    five *= 5;
  }
}

/**
 * bits * 2^exponent to 53 bits, ties to even; `hasMore`: something is left below. The result is
 * normal.
 */
function rounded(bits: u64, hasMore: bool, exponent: i32): f64 {
  const dropped = <u64>11 - clz(bits);
  let mantissa = bits >> dropped;
  const half = <u64>1 << (dropped - 1);
  const below = bits & ((half << 1) - 1);
  if (below > half || (below == half && (hasMore || (mantissa & 1) != 0))) mantissa++;
  const power = reinterpret<f64>(<u64>(1023 + exponent + <i32>dropped) << 52);
  return <f64>(<i64>mantissa) * power;
}

/**
 * The millionths nearest to the shortest decimal form of `value`, half away from zero, which is at
 * most 1e9 either way.
 *
 * With x = |value| = m / 2^s, T = floor(x * 10^7): a tie of the millionths is a decimal of 7
 * places. If one of those reads as x at all, the nearest one stands for the shortest form (that may
 * have fewer places and lie a ten-millionth away, which rounds alike; of two equally near it is the
 * even one, which is no tie): round that. If none does, no tie lies between x and its shortest
 * form: round x.
 */
export function shortestMillionths(value: f64): i64 {
  const word = reinterpret<u64>(value);
  const s = 1075 - (<i32>(word >> 52) & 0x7ff);
  // x < 2^-22, less than half a millionth; zero and the subnormal numbers too.
  if (s > 74) return 0;
  const m = (word & 0xfffffffffffff) | 0x10000000000000;
  // x * 10^7 = (high * 2^64 + low) / 2^s; s >= 23 as x < 2^30.
  const part = (m & 0xffffffff) * 10000000;
  const upper = (m >> 32) * 10000000 + (part >> 32);
  const high = upper >> 32;
  const low = (upper << 32) | (part & 0xffffffff);
  const isLong = s >= 64;
  const mask = (<u64>1 << <u64>(s & 63)) - 1;
  let whole = isLong ? high >> <u64>(s & 63) : (high << <u64>(64 - s)) | (low >> <u64>s);
  // What is left of 2^s below T: restHigh * 2^64 + restLow, and above T + 1.
  const restHigh = isLong ? high & mask : 0;
  const restLow = isLong ? low : low & mask;
  if (restHigh == 0 && reads(restLow, m)) {
    // T reads as x; if T + 1 does too, the nearer one counts.
    const above = (mask + 1) - restLow;
    if (!isLong && above < restLow) whole++;
  } else if (isLong ? restHigh == mask && restLow != 0 : true) {
    const above = isLong ? 0 - restLow : (mask + 1) - restLow;
    if (reads(above, m)) whole++;
  }
  const millionths = <i64>((whole + 5) / 10);
  return <i64>word < 0 ? -millionths : millionths;
}

/**
 * Whether a decimal so far from x reads as x: up to half the distance of two doubles, 10^7 / 2, and
 * at exactly half the even double is read. (Below a power of two doubles lie closer, but those from
 * 2^-7 on are decimals of 7 places themselves, and smaller ones are far from every such decimal.)
 */
// @ts-ignore: decorator
@inline
function reads(distance: u64, m: u64): bool {
  return distance < 5000000 || (distance == 5000000 && (m & 1) == 0);
}
