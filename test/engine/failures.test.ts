/** What can go wrong in the engine apart from bad events: told as such, and nothing else is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../src/engine/error.ts'
import { openLineParser } from '../../src/engine/line-parser.ts'
import { instantiate, loadModule, type ParserExports } from '../../src/engine/wasm.ts'
import { loadIdSets, openInspector, openRowBatch, type RecentIds } from '../../src/engine.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import { eventWith } from '../golden/json/whole-events.ts'
import { openBlockBatch } from './block.ts'
import { manyRows, WINDOW_US } from './rows-model.ts'

/** Node declares no types for WebAssembly. */
declare namespace WebAssembly {
  class RuntimeError extends Error {}
}

const ARRIVAL_US = Date.UTC(2026, 10, 22, 19, 30) * 1000
const GOOD = eventWith('')
/** More than WebAssembly memory can hold. */
const TOO_MUCH = 2 ** 32 - 2 ** 16

async function addWith(recentIds: RecentIds): Promise<void> {
  const batch = await openRowBatch({ windowUs: WINDOW_US, seed: 7n, recentIds })
  const times = { arrivalUs: ARRIVAL_US, keptFromUs: KEEPS_ALL_US, dedupeUs: ARRIVAL_US }
  batch.add(Buffer.from(`${GOOD}\n`), times)
}

test('a trap of WebAssembly is a lack of memory, and says what was done with what', async () => {
  const trap = new WebAssembly.RuntimeError('unreachable')
  const admit = (): never => {
    throw trap
  }
  await assert.rejects(addWith({ admit }), (error: unknown) => {
    assert.ok(error instanceof EngineError)
    assert.equal(error.code, 'memory')
    assert.equal(error.name, 'EngineError')
    assert.equal(error.canRetry, false)
    assert.equal(error.cause, trap)
    assert.match(
      error.message,
      new RegExp(`add ${GOOD.length + 1} bytes.*lower dedupe\\.memoryMax`),
    )
    return true
  })
})

test('another failure of the memory of ids comes through as it is', async () => {
  const failure = new TypeError('a bug')
  const admit = (): never => {
    throw failure
  }
  await assert.rejects(addWith({ admit }), (error: unknown) => error === failure)
})

test('memory that cannot be reserved is refused, with its size', async () => {
  const refused = { code: 'memory', message: /reserve 4294901760 bytes/ }
  await assert.rejects(openInspector(TOO_MUCH), refused)
  const engine = instantiate<ParserExports>(await loadModule('engine'))
  assert.throws(() => openLineParser(engine, TOO_MUCH), refused)
})

test('a set of ids that is too small is refused, with the least size', async () => {
  const openSet = await loadIdSets()
  const message = /needs at least 64 KiB \(bytesMax: 1000\)/
  assert.throws(() => openSet({ bytesMax: 1_000 }), { code: 'id-set-too-small', message })
})

test('a module that was not built is told with how to build it, again and again', async () => {
  for (let tries = 0; tries < 2; tries++) {
    await assert.rejects(loadModule('nothing' as 'engine'), {
      code: 'not-built',
      message: /build\/nothing\.wasm is missing; run `npm ci` \(or `npm run build:engine`\)$/,
    })
  }
})

test('a batch is full at its limit, and says how full it is', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US, rowsMax: 3 })
  const two = manyRows(2, () => ({}))
  batch.addRows(two, 1)
  assert.equal(batch.full, false)
  batch.addRows(two.slice(0, 1), 1)
  assert.equal(batch.full, true)
  assert.throws(() => batch.addRows(two, 1), {
    code: 'batch-full',
    message: /is full \(rows: 3, rawBytes: 0\); take it before adding more$/,
  })
})

test('ids of any length are hashed together as they are one by one', async () => {
  const { hashIds } = await openBlockBatch({ windowUs: WINDOW_US })
  const ids = Array.from({ length: 4_100 }, (_, i) => Buffer.from(`${i}`.padStart(128, 'x')))
  const together = Buffer.from(hashIds(ids))
  for (const at of [0, 1, 4_095, 4_096, 4_099]) {
    const alone = Buffer.from(hashIds([ids[at] ?? Buffer.of()]))
    assert.deepEqual(together.subarray(at * 16, at * 16 + 16), alone)
  }
})

test('a body may have 16 MiB', async () => {
  assert.equal((await openInspector()).bodyBytesMax, 16_777_216)
})

test('lines that end where a piece ends are read as in any other piece', async () => {
  const line = Buffer.from(`${GOOD}${' '.repeat(499 - GOOD.length)}\n`)
  const count = 300
  const lines = Buffer.concat(Array(count).fill(line))
  for (const pieceBytesMax of [39_998, 39_999, 40_000, 40_001, 40_499, 40_500]) {
    const engine = instantiate<ParserExports>(await loadModule('engine'))
    const parser = openLineParser(engine, pieceBytesMax)
    parser.load(lines)
    let read = 0
    for (;;) {
      const rows = parser.next(ARRIVAL_US, KEEPS_ALL_US)
      if (rows === 0) break
      assert.equal(engine.rejectedRows(), 0, `${pieceBytesMax} bytes`)
      read += rows
      assert.ok(read <= count)
    }
    assert.equal(read, count, `${pieceBytesMax} bytes`)
  }
})
