/**
 * The hash of event ids: SipHash-1-3 with 128 bits, against a model in BigInt that is held to the
 * authors' vectors.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBlockBatch } from './block.ts'

const SEED = 0x0f0e0d0c0b0a09080706050403020100n
const WINDOW_US = 300_000_000

/** SipHash-c-d-128 as in the paper and the authors' siphash.c, one step a line. */
function sipHash128(input: Uint8Array, key: bigint, c: number, d: number): Uint8Array {
  const low = BigInt.asUintN(64, key)
  const high = key >> 64n
  const v = [
    low ^ 0x736f6d6570736575n,
    high ^ 0x646f72616e646f6dn ^ 0xeen,
    low ^ 0x6c7967656e657261n,
    high ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint]
  const padded = Buffer.alloc((input.length & ~7) + 8)
  padded.set(input)
  padded[padded.length - 1] = input.length & 255
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at)
    v[3] ^= word
    for (let round = 0; round < c; round++) sipRound(v)
    v[0] ^= word
  }
  const out = Buffer.alloc(16)
  v[2] ^= 0xeen
  for (let round = 0; round < d; round++) sipRound(v)
  out.writeBigUInt64LE(v[0] ^ v[1] ^ v[2] ^ v[3])
  v[1] ^= 0xddn
  for (let round = 0; round < d; round++) sipRound(v)
  out.writeBigUInt64LE(v[0] ^ v[1] ^ v[2] ^ v[3], 8)
  return out
}

function sipRound(v: [bigint, bigint, bigint, bigint]): void {
  const add = (a: bigint, b: bigint): bigint => BigInt.asUintN(64, a + b)
  const rotate = (a: bigint, by: bigint): bigint =>
    BigInt.asUintN(64, (a << by) | (a >> (64n - by)))
  v[0] = add(v[0], v[1])
  v[1] = rotate(v[1], 13n) ^ v[0]
  v[0] = rotate(v[0], 32n)
  v[2] = add(v[2], v[3])
  v[3] = rotate(v[3], 16n) ^ v[2]
  v[0] = add(v[0], v[3])
  v[3] = rotate(v[3], 21n) ^ v[0]
  v[2] = add(v[2], v[1])
  v[1] = rotate(v[1], 17n) ^ v[2]
  v[2] = rotate(v[2], 32n)
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('the model gives the published vectors of SipHash-2-4 with 128 bits', () => {
  assert.equal(hex(sipHash128(new Uint8Array(), SEED, 2, 4)), 'a3817f04ba25a8e66df67214c7550293')
  assert.equal(
    hex(sipHash128(Uint8Array.from([0]), SEED, 2, 4)),
    'da87c1d86b99af44347659119b22fc45',
  )
})

test('the hash of an id is SipHash-1-3 for every length from 1 to 128 bytes', async () => {
  const { hashIds } = await openBlockBatch({ windowUs: WINDOW_US, seed: SEED })
  const ids = Array.from({ length: 128 }, (_, i) =>
    Uint8Array.from({ length: i + 1 }, (_, k) => (k * 37 + i * 11) & 255),
  )
  const hashes = hashIds(ids)
  for (const [i, id] of ids.entries()) {
    assert.equal(hex(hashes.subarray(i * 16, i * 16 + 16)), hex(sipHash128(id, SEED, 1, 3)))
  }
})

test('another seed gives other hashes', async () => {
  const [one, other] = await Promise.all(
    [SEED, SEED ^ (1n << 127n)].map((seed) => openBlockBatch({ windowUs: WINDOW_US, seed })),
  )
  const id = [Buffer.from('event-1')]
  assert.notDeepEqual(one?.hashIds(id), other?.hashIds(id))
})

test('turning any bit of an id turns each bit of its hash half of the time', async () => {
  const { hashIds } = await openBlockBatch({ windowUs: WINDOW_US, seed: SEED })
  const trials = 400
  const turned = new Uint32Array(128)
  for (let trial = 0; trial < trials; trial++) {
    const id = Buffer.from(`campaign-event-${trial * 7919}`)
    const changed = Buffer.from(id)
    const bit = trial % (id.length * 8)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const hashes = hashIds([id, changed])
    for (let i = 0; i < 128; i++) {
      const difference = (hashes[i >> 3] ?? 0) ^ (hashes[16 + (i >> 3)] ?? 0)
      turned[i] = (turned[i] ?? 0) + ((difference >> (i & 7)) & 1)
    }
  }
  // Five standard deviations of 400 fair coins.
  for (const count of turned) assert.ok(Math.abs(count - trials / 2) < 50, `${[...turned]}`)
})

test('a million sequential ids share no 64-bit half of a hash', async () => {
  const { hashIds } = await openBlockBatch({ windowUs: WINDOW_US, seed: SEED })
  const count = 1_000_000
  const ids = Array.from({ length: count }, (_, i) => Buffer.from(`e-${i}`))
  const words = new BigUint64Array(hashIds(ids).buffer)
  for (const half of [0, 1]) {
    const halves = words.filter((_, i) => i % 2 === half).sort()
    assert.ok(halves.every((word, i) => i === 0 || word !== halves[i - 1]))
  }
})
