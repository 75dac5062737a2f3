/**
 * Reading event ids back after a restart: what is read, in which order, and that a stop does not
 * wait for all of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rebuildMemory } from '../../src/embedded/dedupe.ts'
import type { DataFile, Lake } from '../../src/table.ts'

const HASH_BYTES = 16

/**
 * A table of files with three pages of one id each, by name and largest arrival; `read` tells what
 * was read of it.
 */
function openTable(maxUs: Readonly<Record<string, number>>) {
  const read: string[] = []
  const lake = {
    events: { files: Object.keys(maxUs).map((path) => ({ path }) as DataFile) },
    fileTimes: async ({ path }: DataFile) => ({
      arrival: { minUs: 0, maxUs: 0 },
      dedupe: { minUs: 0, maxUs: maxUs[path] ?? 0 },
    }),
    async *readEventIds({ path }: DataFile) {
      for (let page = 0; page < 3; page++) {
        read.push(`${path}${page}`)
        yield [Buffer.from(`${path}${page}`)]
      }
    },
  } as unknown as Lake // only what rebuildMemory may use of it
  const memory = {
    admit() {},
    remembered: [] as number[],
    remember: (_hashes: Uint8Array, _rows: number, cameUs: number): void => {
      memory.remembered.push(cameUs)
    },
    covers: (cameUs: number, nowUs: number): boolean => cameUs >= nowUs - 10,
    stats: () => ({ horizonMs: 0, trueHorizonMs: 0, ids: 0, bytes: 0 }),
  }
  const hashIds = (ids: readonly Uint8Array[]) => new Uint8Array(ids.length * HASH_BYTES)
  const rebuild = (goesOn: () => boolean) => rebuildMemory(lake, hashIds, memory, 30, goesOn)
  return { read, memory, rebuild }
}

test('the files that still matter are read back, oldest arrivals first', async () => {
  const { read, memory, rebuild } = openTable({ c: 30, old: 19, b: 20 })
  assert.equal(await rebuild(() => true), true)
  assert.deepEqual(read, ['b0', 'b1', 'b2', 'c0', 'c1', 'c2'])
  assert.deepEqual(memory.remembered, [20, 20, 20, 30, 30, 30])
})

test('told to stop within a file, it reads no further and reports incomplete memory', async () => {
  const { read, memory, rebuild } = openTable({ b: 20, c: 30 })
  assert.equal(await rebuild(() => memory.remembered.length < 1), false)
  assert.deepEqual(read, ['b0', 'b1'])
  assert.deepEqual(memory.remembered, [20])
})
