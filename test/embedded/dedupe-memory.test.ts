/**
 * The dedupe memory against its rule: within the horizon a repeat is a duplicate, past twice the
 * horizon it is new.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { openDedupeMemory } from '../../src/embedded/dedupe.ts'
import { loadIdSets } from '../../src/engine.ts'

const HORIZON_US = 1_000
const openSet = await loadIdSets()

function openSmall(bytesMax = 64 * 1024 * 1024) {
  return openDedupeMemory({ horizonUs: HORIZON_US, bytesMax, openSet })
}

const hashOf = (id: string) => createHash('md5').update(id).digest()

function admit(memory: ReturnType<typeof openSmall>, ids: readonly string[], arrivalUs: number) {
  const mask = new Uint8Array(ids.length)
  memory.admit(Buffer.concat(ids.map(hashOf)), ids.length, mask, arrivalUs)
  return [...mask]
}

test('repeats are duplicates within the horizon and new past twice it, at any arrival time', () => {
  const arrivals = fc.array(
    fc.record({ gapUs: fc.integer({ min: 0, max: 2_500 }), id: fc.integer({ min: 0, max: 5 }) }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(arrivals, (steps) => {
      const memory = openSmall()
      const storedAt = new Map<number, number>()
      let nowUs = 1_000_000
      for (const { gapUs, id } of steps) {
        nowUs += gapUs
        const [duplicate] = admit(memory, [`id-${id}`], nowUs)
        const before = storedAt.get(id)
        if (before === undefined || nowUs - before > 2 * HORIZON_US) assert.equal(duplicate, 0)
        else if (nowUs - before <= HORIZON_US) assert.equal(duplicate, 1)
        if (duplicate === 0) storedAt.set(id, nowUs)
      }
    }),
    { numRuns: 500 },
  )
})

test('a duplicate does not refresh its id', () => {
  const memory = openSmall()
  assert.deepEqual(admit(memory, ['a'], 10_000), [0])
  assert.deepEqual(admit(memory, ['a'], 10_900), [1])
  assert.deepEqual(admit(memory, ['a'], 12_001), [0])
})

test('two of one id in a block are one and a duplicate; a rejected event takes no id', () => {
  const memory = openSmall()
  assert.deepEqual(admit(memory, ['a', 'b', 'a'], 5_000), [0, 0, 1])
  const mask = new Uint8Array([1])
  memory.admit(hashOf('c'), 1, mask, 5_000)
  assert.deepEqual(admit(memory, ['c'], 5_000), [0])
})

test('remembered ids are duplicates after a restart, as if they had just been stored', () => {
  const memory = openSmall()
  memory.remember(Buffer.concat(['a', 'b'].map(hashOf)), 2, 7_500)
  assert.deepEqual(admit(memory, ['b', 'c'], 8_500), [1, 0])
})

test('when memory is too small the newest ids are kept and a shorter horizon is reported', () => {
  const bytesMax = 4 * 1024 * 1024
  const memory = openSmall(bytesMax)
  assert.equal(memory.stats(0).trueHorizonMs, HORIZON_US / 1000)
  const blocks = 600
  for (let block = 0; block < blocks; block++) {
    const ids = Array.from({ length: 1_000 }, (_, i) => `${block}-${i}`)
    assert.ok(admit(memory, ids, 1_000_000 + block).every((bit) => bit === 0))
  }
  const stats = memory.stats(1_000_000 + blocks)
  assert.ok(stats.bytes <= bytesMax, `${stats.bytes} bytes`)
  assert.ok(stats.ids < blocks * 1_000 && stats.ids > 50_000, `${stats.ids} ids`)
  assert.ok(stats.trueHorizonMs < 1, 'said to be shorter')
  const last = Array.from({ length: 1_000 }, (_, i) => `${blocks - 1}-${i}`)
  assert.ok(admit(memory, last, 1_000_000 + blocks).every((bit) => bit === 1))
})
