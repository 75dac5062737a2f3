/**
 * Maintenance and what it may meet: appends (F9), kills, and long absences after which the newest
 * snapshot must still be there (F10). Hours pass by moving the product's clock.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { COMMIT_STEPS } from '../../src/table.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { clockEnvironment } from '../support/clock.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { wasMerged } from '../support/lake.ts'
import { type Product, StartRefused, startProduct } from '../support/product.ts'
import { checkTables, type InputFile, openInputFile, skipReaders } from '../support/readers.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

const HOUR_MS = 3_600_000
const ROWS = 25
const FILES = 12
const LIMIT_MS = 30_000
/** A merged file is written by DuckDB, so that its commit begins with the manifests. `npm test` tries two. */
const MERGE_STEPS = COMMIT_STEPS.filter((step) => !step.startsWith('data-file-'))
const STEPS: readonly string[] =
  process.env.CRASH_KILLS === undefined ? ['metadata-written', 'pointers-swapped'] : MERGE_STEPS

let folder: Folder
let input: InputFile
let batch = 0

afterEach(() => folder.close())

test('files are merged while events come in, killed in between: nothing is lost or doubled', {
  skip: skipReaders,
}, async () => {
  await open()
  await at(0, sendFiles)
  for (const killAfterMs of [150, 600, 1_200]) {
    await at(3, async (product) => {
      const deadline = Date.now() + killAfterMs
      while (Date.now() < deadline) await sendNext(product)
    })
  }
  await at(3, async (product) => {
    await sendNext(product)
    await waitUntil('merged', () => wasMerged(folder))
    await expectSettled(folder, product.url, { stored: batch * ROWS, duplicates: 0 })
    await checkTables(folder, [input.path])
  })
})

test('a kill at each step of a commit that only merges leaves the tables as they were', {
  skip: skipReaders,
}, async () => {
  await open()
  const notReached: string[] = []
  let hours = 0
  for (const step of STEPS) {
    await at(hours, sendFiles)
    hours += 3
    const environment = {
      ...clockEnvironment({ offsetMs: hours * HOUR_MS }),
      CAMPAIGN_METRICS_KILL_AT: step,
    }
    const died = await runUntilDeath(environment)
    if (!died) notReached.push(step)
    await at(hours, async (product) => {
      await expectSettled(folder, product.url, { stored: batch * ROWS, duplicates: 0 })
    })
  }
  await checkTables(folder, [input.path])
  assert.deepEqual(notReached, [])
})

test('after a day without events the last commit is still known: no event is read again or skipped', {
  skip: skipReaders,
}, async () => {
  await open()
  await at(0, sendFiles)
  await at(25, () => sleep(1_000))
  await at(26, async (product) => {
    await sendNext(product)
    await expectSettled(folder, product.url, { stored: batch * ROWS, duplicates: 0 })
    await checkTables(folder, [input.path])
  })
})

async function open(): Promise<void> {
  folder = await openFolder({ dedupe: { horizon: '1h' } })
  input = await openInputFile(folder)
  batch = 0
}

function at(hours: number, act: (product: Product) => Promise<void>): Promise<void> {
  const environment = clockEnvironment({ offsetMs: hours * HOUR_MS })
  return whileRunning(folder, act, { environment, end: 'kill' })
}

/** Each batch is committed before the next, so that each has a file of its own. */
async function sendFiles(product: Product): Promise<void> {
  for (let file = 0; file < FILES; file += 1) {
    await sendNext(product)
    await waitUntilSettled(product.url)
  }
}

async function sendNext(product: Product): Promise<void> {
  const lines = eventLines(`batch-${batch}`, ROWS)
  await postAccepted(product.url, lines.join('\n'))
  await input.add(lines)
  batch += 1
}

async function runUntilDeath(environment: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    const product = await startProduct(folder, { environment })
    const exit = await Promise.race([product.exited, sleep(LIMIT_MS, null, { ref: false })])
    await product.kill()
    return exit?.signal === 'SIGKILL'
  } catch (error) {
    if (error instanceof StartRefused) return error.run.exit.signal === 'SIGKILL'
    throw error
  }
}

async function waitUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`not ${what} after ${LIMIT_MS} ms`)
    await sleep(100)
  }
}
