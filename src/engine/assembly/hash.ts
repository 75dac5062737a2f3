// The hashes of the engine, both keyed by a seed that each process draws for itself.
//
// Ids: SipHash-1-3 with 128 bits (Aumasson and Bernstein,
// https://www.aumasson.jp/siphash/siphash.pdf; the 128-bit form as in the authors' reference code).
// Two ids with one hash would lose an event, so the hash must hold against senders who look for
// collisions; an unkeyed or weakly keyed one (murmur3) does not.
//
// Dictionaries: NH (Black et al., UMAC, CRYPTO '99): for a random key two different strings of one
// length collide with a probability of at most 2^-32, whoever chose them; the strings are compared
// afterwards, so a collision costs time only. It is several times quicker than SipHash on short
// strings.

let key0: u64 = 0;
let key1: u64 = 0;
let lengthFactor: u64 = 1;
let mixFactor: u64 = 1;

/** 64 words of 32 bits, one for each 4 bytes of a string of up to 256 bytes. */
const NH_KEYS: usize = memory.data(256, 16);

/** Where `sipHash` leaves its 16 bytes. */
const DIGEST: usize = memory.data(16, 16);

export function setSeed(low: u64, high: u64): void {
  key0 = low;
  key1 = high;
  for (let i = 0; i < 16; i++) {
    store<u64>(DIGEST, <u64>i);
    store<u64>(DIGEST, 0x6469637473, 8);
    sipHash(DIGEST, 16, NH_KEYS + (i << 4));
  }
  store<u64>(DIGEST, 0x666163746f7273);
  sipHash(DIGEST, 8, DIGEST);
  lengthFactor = load<u64>(DIGEST) | 1;
  mixFactor = load<u64>(DIGEST, 8) | 1;
}

/** Two odd secrets for the multiply-shift hashing of numbers. */
export function secretFactor(): u64 {
  return mixFactor;
}

export function secretFactor2(): u64 {
  return lengthFactor;
}

/** Writes the 16 bytes of the hash at `out`. Reads exactly the string's bytes. */
export function sipHash(address: usize, length: u32, out: usize): void {
  let v0: u64 = key0 ^ 0x736f6d6570736575;
  let v1: u64 = key1 ^ 0x646f72616e646f6d ^ 0xee;
  let v2: u64 = key0 ^ 0x6c7967656e657261;
  let v3: u64 = key1 ^ 0x7465646279746573;
  const words = address + (length & ~7);
  for (let at = address; at < words; at += 8) {
    const word = load<u64>(at);
    v3 ^= word;
    // One round, written out here and below: the compiler has no tuples to return four words in.
    v0 += v1; v2 += v3; v1 = rotl(v1, 13) ^ v0; v3 = rotl(v3, 16) ^ v2; v0 = rotl(v0, 32);
    v2 += v1; v0 += v3; v1 = rotl(v1, 17) ^ v2; v3 = rotl(v3, 21) ^ v0; v2 = rotl(v2, 32);
    v0 ^= word;
  }
  const last = (<u64>length << 56) | tail(words, length & 7);
  v3 ^= last;
  v0 += v1; v2 += v3; v1 = rotl(v1, 13) ^ v0; v3 = rotl(v3, 16) ^ v2; v0 = rotl(v0, 32);
  v2 += v1; v0 += v3; v1 = rotl(v1, 17) ^ v2; v3 = rotl(v3, 21) ^ v0; v2 = rotl(v2, 32);
  v0 ^= last;
  v2 ^= 0xee;
  for (let round = 0; round < 3; round++) {
    v0 += v1; v2 += v3; v1 = rotl(v1, 13) ^ v0; v3 = rotl(v3, 16) ^ v2; v0 = rotl(v0, 32);
    v2 += v1; v0 += v3; v1 = rotl(v1, 17) ^ v2; v3 = rotl(v3, 21) ^ v0; v2 = rotl(v2, 32);
  }
  store<u64>(out, v0 ^ v1 ^ v2 ^ v3);
  v1 ^= 0xdd;
  for (let round = 0; round < 3; round++) {
    v0 += v1; v2 += v3; v1 = rotl(v1, 13) ^ v0; v3 = rotl(v3, 16) ^ v2; v0 = rotl(v0, 32);
    v2 += v1; v0 += v3; v1 = rotl(v1, 17) ^ v2; v3 = rotl(v3, 21) ^ v0; v2 = rotl(v2, 32);
  }
  store<u64>(out, v0 ^ v1 ^ v2 ^ v3, 8);
}

/** The last 0 to 7 bytes as a little-endian number. */
@inline
function tail(address: usize, length: u32): u64 {
  let word: u64 = 0;
  if (length & 4) word = load<u32>(address);
  if (length & 2) word |= <u64>load<u16>(address + (length & 4)) << ((length & 4) << 3);
  if (length & 1) word |= <u64>load<u8>(address + (length & 6)) << ((length & 6) << 3);
  return word;
}

/** 32 bits of NH for a dictionary. May read up to 7 bytes past the string. */
@inline
export function dictionaryHash(address: usize, length: u32): u32 {
  let sum: u64 = <u64>length * lengthFactor;
  let at: u32 = 0;
  for (; at + 8 <= length; at += 8) sum += nhTerm(load<u64>(address + at), at);
  if (at < length) {
    const mask = (<u64>1 << (<u64>(length - at) << 3)) - 1;
    sum += nhTerm(load<u64>(address + at) & mask, at);
  }
  return <u32>((sum * mixFactor) >> 32);
}

@inline
function nhTerm(word: u64, at: u32): u64 {
  const key = load<u64>(NH_KEYS + (at & 0xf8));
  return <u64>(<u32>word + <u32>key) * <u64>(<u32>(word >> 32) + <u32>(key >> 32));
}
