/**
 * The thread that makes cells: what it takes of a processor's time, questions must not wait for.
 * Files are made one after the other as they are asked for, and events are read by a DuckDB of its
 * own.
 */
import { strict as assert } from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import { openSums, type SumsOptions, type SumsQuery } from '../../query.ts'
import { reasonOf } from '../../runtime.ts'
import { openMakeCells } from './make-cells.ts'
import type { FromMaker, ToMaker } from './maker.ts'

assert(parentPort !== null, 'runs as a worker thread')
const port = parentPort
const options = workerData as SumsOptions // given by maker.ts, which is typed
let sums: Promise<SumsQuery> | null = null
const makeCells = openMakeCells(async (file, windowUs) => {
  sums ??= openSums({ ...options, nowMs: () => Date.now() })
  return await (await sums).readCells(file, windowUs)
})

port.on('message', async ({ id, task }: ToMaker) => {
  try {
    port.postMessage({ id, bytes: await makeCells(task) } satisfies FromMaker)
  } catch (error) {
    port.postMessage({ id, failure: reasonOf(error) } satisfies FromMaker)
  }
})
