// UTF-8 as defined in RFC 3629, section 4:
//
//   UTF8-2 = C2-DF tail
//   UTF8-3 = E0 A0-BF tail / E1-EC 2(tail) / ED 80-9F tail / EE-EF 2(tail)
//   UTF8-4 = F0 90-BF 2(tail) / F1-F3 3(tail) / F4 80-8F 2(tail)
//
// So no overlong forms, no surrogates, nothing past U+10FFFF.

/** The length of the character at `p`, whose first byte is not ASCII; 0: malformed. */
export function characterLength(p: usize): u32 {
  const first = load<u8>(p);
  const second = load<u8>(p, 1);
  if (first < 0xe0) return first >= 0xc2 && isTail(second) ? 2 : 0;
  if (first < 0xf0) {
    const low: u8 = first == 0xe0 ? 0xa0 : 0x80;
    const high: u8 = first == 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && isTail(load<u8>(p, 2)) ? 3 : 0;
  }
  if (first > 0xf4) return 0;
  const low: u8 = first == 0xf0 ? 0x90 : 0x80;
  const high: u8 = first == 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  return isTail(load<u8>(p, 2)) && isTail(load<u8>(p, 3)) ? 4 : 0;
}

// @ts-ignore: decorator
@inline
function isTail(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

/** Whether the bytes from `p` to `end` are valid; the byte at `end` must be ASCII. */
export function isUtf8(p: usize, end: usize): bool {
  while (p < end) {
    const mask = i8x16.bitmask(v128.load(p));
    if (mask == 0) {
      p += 16;
      continue;
    }
    p += <usize>ctz(mask);
    if (p >= end) return true;
    const length = characterLength(p);
    if (length == 0) return false;
    p += length;
  }
  return p == end || load<u8>(end) < 0x80;
}
