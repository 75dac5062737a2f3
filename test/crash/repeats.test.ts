/**
 * Repeats of an `event_id` (F13): counted once within the horizon, across restarts of both kinds
 * and after the files that held the ids were merged; past twice the horizon they are new.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { clockEnvironment } from '../support/clock.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { readSummary } from '../support/lake.ts'
import { type Product, runCommand } from '../support/product.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

const HOUR_MS = 3_600_000
const ROWS = 30
const MERGE_LIMIT_MS = 30_000
const FILES = 12

let folder: Folder

afterEach(() => folder.close())

test('a request that is sent again is all duplicates, in the same run and after each kind of end', async () => {
  folder = await openFolder()
  const body = eventLines('once', ROWS).join('\n')
  for (const end of ['stop', 'kill', 'stop'] as const) {
    await whileRunning(
      folder,
      async (product) => {
        await postAccepted(product.url, body)
        await postAccepted(product.url, body)
        await waitUntilSettled(product.url)
      },
      { end },
    )
  }
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: ROWS, duplicates: 5 * ROWS }),
  )
})

test('a kill between answer and commit does not forget the ids', async () => {
  folder = await openFolder({ commitInterval: '5m' })
  const body = eventLines('logged', ROWS).join('\n')
  const options = { end: 'kill' } as const
  await whileRunning(folder, (product) => postAccepted(product.url, body), options)
  await whileRunning(folder, (product) => postAccepted(product.url, body), options)
  await folder.configure({})
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: ROWS, duplicates: ROWS }),
  )
})

test('of one id with two payloads the first stays: in one body, in the next, after a restart', async () => {
  folder = await openFolder()
  const first = eventLine({ event_id: 'same', campaign_id: 'first', revenue: 1 })
  const other = eventLine({ event_id: 'same', campaign_id: 'other', revenue: 2 })
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, `${first}\n${other}`)
    await postAccepted(product.url, other)
    await waitUntilSettled(product.url)
  })
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, other)
    await expectSettled(folder, product.url, { stored: 1, duplicates: 3 })
    const sql = 'select campaign_id, revenue from campaign_events'
    const query = await runCommand(folder, ['query', sql, '--json'])
    assert.deepEqual(JSON.parse(query.stdout), [{ campaign_id: 'first', revenue: 1 }])
  })
})

test('duplicates do not prolong the horizon of the event they repeat', async () => {
  folder = await openFolder({ dedupe: { horizon: '1h' } })
  const body = eventLines('old', ROWS).join('\n')
  for (const hours of [0, 0.9]) {
    await at(hours, async (product) => {
      await postAccepted(product.url, body)
      await waitUntilSettled(product.url)
    })
  }
  await at(2.2, async (product) => {
    await postAccepted(product.url, body)
    await expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: ROWS })
  })
})

test('the memory is rebuilt after older files were merged: recent ids are duplicates, forgotten ones new', async () => {
  folder = await openFolder({ dedupe: { horizon: '1h' } })
  const old = Array.from({ length: FILES }, (_, at) => eventLines(`old-${at}`, ROWS).join('\n'))
  const recent = eventLines('recent', ROWS).join('\n')
  await at(0, async (product) => {
    for (const body of old) {
      await postAccepted(product.url, body)
      await waitUntilSettled(product.url)
    }
  })
  const before = await countFiles()
  await at(3, async (product) => {
    await postAccepted(product.url, recent)
    await waitUntilSettled(product.url)
    await waitUntilMerged(before + 1)
  })
  await at(3.9, async (product) => {
    await postAccepted(product.url, recent)
    await waitUntilSettled(product.url)
    await postAccepted(product.url, old[0] as string)
    await expectSettled(folder, product.url, {
      stored: (FILES + 2) * ROWS,
      duplicates: ROWS,
    })
  })
})

test('the status shows the true horizon', async () => {
  folder = await openFolder({ dedupe: { horizon: '1h' } })
  await whileRunning(folder, async (product) => {
    const status = JSON.stringify(await readStatus(product.url))
    assert.match(status, /horizon/i)
  })
})

/** A run at some hours from now; its end is a kill. */
function at(hours: number, act: (product: Product) => Promise<void>): Promise<void> {
  const environment = clockEnvironment({ offsetMs: hours * HOUR_MS })
  return whileRunning(folder, act, { environment, end: 'kill' })
}

async function countFiles(): Promise<number> {
  const summary = await readSummary(folder, 'campaign_events')
  return Number(summary['total-data-files'])
}

async function waitUntilMerged(filesBefore: number): Promise<void> {
  const deadline = AbortSignal.timeout(MERGE_LIMIT_MS)
  while ((await countFiles()) >= filesBefore) {
    if (deadline.aborted) throw new Error(`still ${filesBefore} files after ${MERGE_LIMIT_MS} ms`)
    await sleep(100)
  }
}
