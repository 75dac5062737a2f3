/**
 * What the columns half of the engine costs, stage by stage, on traffic like the demo's: row blocks
 * are made beforehand, so that neither the parser nor JavaScript's strings are in the figures.
 *
 * usage: node bench/columns.ts [blocks=500]
 */
import { randomFillSync, randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { constants, zstdCompressSync } from 'node:zlib'
import { loadIdSets } from '../src/engine/id-set.ts'
import { readDays, readWindows } from '../src/engine/taken-batch.ts'
import {
  type ColumnsExports,
  instantiate,
  loadModule,
  type WasmGlobal,
} from '../src/engine/wasm.ts'
import type { IdSet } from '../src/engine.ts'
import type { DayRows } from '../src/event.ts'
import { openRandom } from '../test/support/random.ts'

const SEED = 20_261_122
const BLOCK_ROWS = 1024
const BLOCK_COUNT = Number(process.argv[2] ?? 500)
/** The first ones run code that V8 has not optimised yet. */
const ROUNDS = 10

type BenchExports = ColumnsExports &
  Record<
    'TYPE' | 'TIMESTAMP' | 'REVENUE' | 'MILLIONTHS' | 'STRING_ADDRESS' | 'STRING_LENGTH',
    WasmGlobal
  > & { reserve(bytes: number): number }

/**
 * The static memory of the row block, from its first array to the end of its last, and its strings.
 */
type Snapshot = Readonly<{ from: number; bytes: Uint8Array; strings: Uint8Array }>

const random = openRandom(SEED)
const engine = instantiate<BenchExports>(await loadModule('engine'))

const strings = engine.reserve(BLOCK_ROWS * 256)

console.log(`${cpus()[0]?.model} x ${cpus().length}, node ${process.version}, seed ${SEED}`)
const blocks = makeBlocks()
engine.openColumns(300e6, 1n, 2n)
for (let round = 0; round < ROUNDS; round++) benchRows(round === ROUNDS - 1)
await benchIds()

function makeBlocks(): Snapshot[] {
  const blocks: Snapshot[] = []
  for (let block = 0; block < BLOCK_COUNT; block++) {
    let to = strings
    const view = new DataView(engine.memory.buffer)
    const memory = Buffer.from(engine.memory.buffer)
    for (let row = 0; row < BLOCK_ROWS; row++) {
      const event = makeEvent(block * BLOCK_ROWS + row)
      view.setUint8(engine.VERDICT.value + row, 0)
      view.setUint8(engine.TYPE.value + row, event.type)
      view.setBigInt64(engine.TIMESTAMP.value + row * 8, event.timestampUs, true)
      view.setFloat64(engine.REVENUE.value + row * 8, event.revenue, true)
      const millionths = BigInt(Math.round(event.revenue * 1e6))
      view.setBigInt64(engine.MILLIONTHS.value + row * 8, millionths, true)
      for (const [field, text] of event.strings.entries()) {
        const at = (field * BLOCK_ROWS + row) * 4
        const length = text === null ? 0xffffffff : memory.write(text, to, 'latin1')
        view.setUint32(engine.STRING_ADDRESS.value + at, to, true)
        view.setUint32(engine.STRING_LENGTH.value + at, length, true)
        if (text !== null) to += length
      }
    }
    blocks.push(snapshot(to))
  }
  return blocks
}

function makeEvent(i: number) {
  const type = random.chance(0.95) ? 0 : random.chance(0.8) ? 1 : 2
  const us = Math.floor(i * 2 + random.next() * 1_000_000)
  return {
    type,
    timestampUs: 1_795_348_800_000_000n + BigInt(us),
    revenue: type === 2 ? random.below(20_000) / 100 : 0,
    strings: [
      randomUUID(),
      `user-${random.below(100_000)}`,
      `campaign-${Math.min(random.below(50), random.below(50))}`,
      random.chance(0.6) ? 'mobile' : 'web',
      random.chance(0.05) ? null : random.pick(['US', 'DE', 'FR', 'JP', 'BR', 'IN', 'GB', 'ES']),
      random.pick(['ios', 'android', 'desktop', null]),
    ],
  }
}

function snapshot(stringsEnd: number): Snapshot {
  const starts = [
    engine.VERDICT,
    engine.TYPE,
    engine.TIMESTAMP,
    engine.STRING_ADDRESS,
    engine.STRING_LENGTH,
  ].map(({ value }) => value)
  const from = Math.min(...starts)
  const to = Math.max(...starts) + BLOCK_ROWS * 4 * 6
  const memory = new Uint8Array(engine.memory.buffer)
  return { from, bytes: memory.slice(from, to), strings: memory.slice(strings, stringsEnd) }
}

function benchRows(isReported: boolean): void {
  const spent = { hash: 0, append: 0, aggregate: 0, encode: 0 }
  const timed = <T>(stage: keyof typeof spent, work: () => T): T => {
    const start = performance.now()
    const result = work()
    spent[stage] += performance.now() - start
    return result
  }
  let rows = 0
  for (const block of blocks) {
    const memory = new Uint8Array(engine.memory.buffer)
    memory.set(block.bytes, block.from)
    memory.set(block.strings, strings)
    timed('hash', () => engine.hashBlock(BLOCK_ROWS))
    rows += timed('append', () => engine.appendBlock(BLOCK_ROWS, 1))
    timed('aggregate', () => engine.aggregateBlock())
  }
  const days = timed('encode', () => readDays(engine))
  const windows = readWindows(engine)
  engine.resetColumns()
  if (!isReported) return
  console.log(`${rows} rows, ${days.length} day, ${windows.length} windows`)
  for (const [stage, ms] of Object.entries(spent)) report(stage, (ms * 1e6) / rows)
  for (const level of [1, 3]) reportSizes(days, rows, level)
}

function reportSizes(days: readonly DayRows[], rows: number, level: number): void {
  let total = 0
  let raw = 0
  const byColumn: string[] = []
  const start = performance.now()
  for (const column of days.flatMap(({ columns }) => columns)) {
    let bytes = 0
    for (const page of column.pages) {
      raw += page.bytes.length
      const params = { [constants.ZSTD_c_compressionLevel]: level }
      bytes += zstdCompressSync(page.bytes, { params }).length
    }
    total += bytes
    byColumn.push(`${column.name} ${(bytes / rows).toFixed(2)}`)
  }
  report(`zstd ${level}`, ((performance.now() - start) * 1e6) / rows)
  console.log(`  ${(total / rows).toFixed(2)} bytes/event of ${(raw / rows).toFixed(1)} raw`)
  console.log(`  ${byColumn.join(', ')}`)
}

async function benchIds(): Promise<void> {
  const openSet = await loadIdSets()
  const set = openSet({ bytesMax: 2 ** 32 - 2 ** 16 })
  for (const size of [1e6, 10e6, 30e6]) {
    while (set.size < size - 500_000) insertRandom(set, 100_000)
    let insertMs = 0
    while (set.size < size) insertMs += insertRandom(set, 50_000)
    report(`ids insert at ${size / 1e6} M`, insertMs * 2)
    report(`ids look up at ${size / 1e6} M`, lookUpRandom(set, 500_000) * 2)
    console.log(`  ${(set.bytes / set.size).toFixed(1)} bytes/id`)
  }
}

/** Milliseconds for new ids, in the job's blocks of 1024. */
function insertRandom(set: IdSet, count: number): number {
  return walkRandom(count, (hashes, rows, mask) => set.insertNew(hashes, rows, mask))
}

function lookUpRandom(set: IdSet, count: number): number {
  return walkRandom(count, (hashes, rows, mask) => set.markPresent(hashes, rows, mask))
}

function walkRandom(
  count: number,
  work: (hashes: Uint8Array, rows: number, mask: Uint8Array) => void,
): number {
  const hashes = randomFillSync(new Uint8Array(count * 16))
  const mask = new Uint8Array(BLOCK_ROWS)
  const start = performance.now()
  for (let first = 0; first < count; first += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, count - first)
    work(hashes.subarray(first * 16, (first + rows) * 16), rows, mask.fill(0))
  }
  return performance.now() - start
}

function report(stage: string, nsPerRow: number): void {
  console.log(`${stage.padEnd(24)}${nsPerRow.toFixed(1).padStart(8)} ns/row`)
}
