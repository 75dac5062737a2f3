/**
 * Maintenance and what it may meet: appends (F9), kills, and long absences after which the newest
 * snapshot must still be there (F10). Hours pass by the product's clocks.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { COMMIT_STEPS } from '../../src/table.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { wasMerged } from '../support/lake.ts'
import { type Product, StartRefused, startProduct } from '../support/product.ts'
import { checkTables, type InputFile, openInputFile, skipReaders } from '../support/readers.ts'
import { HOUR_MS, NOON_MS, openTimedFolder, type TimedFolder } from '../support/timed-folder.ts'

/** An hour, after which its files are merged, in twelve seconds. */
const FAST = 300
const ROWS = 25
const TIMESTAMP = new Date(NOON_MS).toISOString()
const FILES = 12
const LIMIT_MS = 60_000
/**
 * A merged file is written by DuckDB, so that its commit begins with the manifests. `npm test`
 * tries two.
 */
const MERGE_STEPS = COMMIT_STEPS.filter((step) => !step.startsWith('data-file-'))
const STEPS: readonly string[] =
  process.env.CRASH_KILLS === undefined ? ['metadata-written', 'pointers-swapped'] : MERGE_STEPS

let folder: TimedFolder
let input: InputFile
let batch = 0

afterEach(() => folder.close())

test('files are merged while events come in, killed in between: nothing is lost or doubled', {
  skip: skipReaders,
}, async () => {
  await open()
  await folder.running(sendFiles, 'kill')
  for (const killAfterMs of [150, 600, 1_200]) {
    await folder.running(async (product) => {
      const deadline = Date.now() + killAfterMs
      while (Date.now() < deadline) await sendNext(product)
    }, 'kill')
  }
  await folder.running(async (product) => {
    await sendNext(product)
    await waitUntil('merged', () => wasMerged(folder, FILES))
    await expectLedger(product)
  })
  await expectRight()
})

test('a kill at each step of a commit that only merges leaves the tables as they were', {
  skip: skipReaders,
}, async () => {
  const notReached: string[] = []
  for (const step of STEPS) {
    if (step !== STEPS[0]) await folder.close()
    await open()
    // From the first minute of an hour on: all files are of one hour, which is not over before the
    // kill, so that their merge is still to come.
    await folder.running(async (product) => {
      folder.setTo(NOON_MS)
      await sendFiles(product)
    }, 'kill')
    const died = await runUntilDeath({
      ...folder.clock.environment,
      CAMPAIGN_METRICS_KILL_AT: step,
    })
    if (!died) notReached.push(step)
    await folder.running(expectLedger, 'kill')
    await expectRight()
  }
  assert.deepEqual(notReached, [])
})

test('after a day without events the last commit is known: none is read again or skipped', {
  skip: skipReaders,
}, async () => {
  await open()
  await folder.running(sendFiles, 'kill')
  folder.clock.setAhead(25 * HOUR_MS)
  await folder.running(() => sleep(1_000), 'kill')
  await folder.running(async (product) => {
    await sendNext(product)
    await expectLedger(product)
  })
  await expectRight()
})

async function open(): Promise<void> {
  folder = await openTimedFolder({ dedupe: { horizon: '1h' } }, { speed: FAST, startMs: NOON_MS })
  input = await openInputFile(folder)
  batch = 0
}

async function expectLedger({ url }: Product): Promise<void> {
  const { stored, duplicates } = await waitUntilSettled(url)
  assert.deepEqual({ stored, duplicates }, { stored: batch * ROWS, duplicates: 0 })
}

/**
 * Of a product that has ended: on so fast a clock, files that were merged are removed under a slow
 * reader.
 */
async function expectRight(): Promise<void> {
  const verify = await folder.command('verify')
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  await checkTables(folder, [input.path])
}

/** Each batch is committed before the next, so that each has a file of its own. */
async function sendFiles(product: Product): Promise<void> {
  for (let file = 0; file < FILES; file += 1) {
    await sendNext(product)
    await waitUntilSettled(product.url)
  }
}

async function sendNext(product: Product): Promise<void> {
  const lines = eventLines(`batch-${batch}`, ROWS, { timestamp: TIMESTAMP })
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
