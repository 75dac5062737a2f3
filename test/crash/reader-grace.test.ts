/**
 * Files kept for readers, with real processes: they outlive merges, expiry and kills, go when their
 * time is over, and `status` says when they stay for less. Hours pass by the product's clocks.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { readPointers, wasMerged } from '../support/lake.ts'
import type { Product } from '../support/product.ts'
import { checkTables, type InputFile, openInputFile, skipReaders } from '../support/readers.ts'
import { whileRunning } from '../support/settled.ts'
import { openTimedFolder, type TimedFolder } from '../support/timed-folder.ts'

/** An hour in six seconds. */
const FAST = 600
const LIMIT_MS = 120_000

let folder: TimedFolder
let input: InputFile
let batch = 0

afterEach(() => folder.close())

test('files outlive merges and a kill for the grace, and are removed after the next start', {
  skip: skipReaders,
}, async () => {
  const settings = { dedupe: { horizon: '10m' } }
  await open({ ...settings, retention: { readers: '7d' } })
  let held: readonly string[] = []
  await folder.running(async (product) => {
    for (let i = 0; i < 12; i++) await sendNext(product)
    held = filesBelow(folder.warehousePath)
    await waitUntil('merged', () => wasMerged(folder, 12))
    // Two hours of commits, after which no snapshot refers to what there was before.
    const untilMs = folder.clock.trueMs() + 2 * 3_600_000
    while (folder.clock.trueMs() < untilMs) await sendNext(product)
  }, 'kill')
  assert.deepEqual(
    held.filter((file) => !existsSync(file)),
    [],
  )

  await folder.configure({ ...settings, retention: { readers: '1m' } })
  await folder.running(async (product) => {
    await sendNext(product)
    const old = held.filter((file) => file.includes('/metadata/'))
    await waitUntil('removed', async () => !old.some((file) => existsSync(file)))
    await sendNext(product)
  }, 'kill')
  const verify = await folder.command('verify')
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  await checkTables(folder, [input.path])
  for (const { metadataLocation } of readPointers(folder.catalogPath)) {
    assert.ok(existsSync(metadataLocation.replace('file://', '')))
  }
})

test('status says how long files really stay when they reach their limit of bytes', async () => {
  await open({ retention: { readersMax: '1MiB' } })
  await whileRunning(folder, async (product) => {
    await waitUntil('said', async () => {
      await sendNext(product)
      const { healthy, notices } = (await readStatus(product.url)) as unknown as {
        healthy: boolean
        notices: readonly string[]
      }
      return healthy && notices.some((text) => /stay for \d+ s only.*readersMax/.test(text))
    })
    const { stdout } = await folder.command('status', '--url', product.url)
    assert.match(stdout, /retention\.readersMax/)
  })
})

async function open(fields: Readonly<Record<string, unknown>>): Promise<void> {
  folder = await openTimedFolder(fields, { speed: FAST })
  input = await openInputFile(folder)
  batch = 0
}

/** Each batch is committed before the next, so that each has a file of its own. */
async function sendNext(product: Product): Promise<void> {
  const lines = eventLines(`batch-${batch}`, 5)
  await postAccepted(product.url, lines.join('\n'))
  await input.add(lines)
  await waitUntilSettled(product.url)
  batch += 1
}

function filesBelow(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name))
}

async function waitUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`not ${what} after ${LIMIT_MS} ms`)
    await sleep(100)
  }
}
