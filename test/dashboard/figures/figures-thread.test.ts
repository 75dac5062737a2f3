/** The thread of the figures as the main thread sees it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type FiguresThread,
  startFiguresThread,
} from '../../../src/dashboard/figures/figures-thread.ts'
import type { FeedMessage } from '../../../src/job.ts'
import { placesIn } from '../../support/places.ts'

async function openThread(t: TestContext): Promise<FiguresThread> {
  const folder = await mkdtemp(path.join(tmpdir(), 'figures-thread-'))
  const thread = await startFiguresThread(
    {
      ...{ ...placesIn(folder), windowUs: 300_000_000, timezone: 'UTC' },
      ...{ weekStart: null, currency: null, campaignNames: null },
    },
    { onLive() {}, onNames() {}, onFailed: (error) => assert.fail(error) },
  )
  t.after(async () => {
    await thread.close()
    await rm(folder, { recursive: true })
  })
  return thread
}

test('questions wait for the first word of the job, then all are answered', async (t) => {
  const thread = await openThread(t)
  const paths = ['summary', 'trend', 'revenue', 'campaigns', 'campaigns.csv', 'values', 'else']
  const answers = Promise.all(paths.map((asked) => thread.answer(asked, '', false)))
  const first: FeedMessage = {
    kind: 'files',
    nextOffset: 0,
    isRewritten: false,
    events: [],
    metrics: [],
    merged: [],
  }
  thread.port.postMessage(first)
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 404],
  )
})

test('closing ends a busy thread and rejects its questions, also later ones', async (t) => {
  const thread = await openThread(t)
  const waiting = thread.answer('summary', '', false)
  waiting.catch(() => {})
  await thread.close()
  await assert.rejects(waiting, /has ended/)
  await assert.rejects(thread.answer('summary', '', false), /has ended/)
})

test('what the thread cannot read is an answer that says so, and no end of it', async (t) => {
  const thread = await openThread(t)
  const today = Math.floor(Date.now() / 86_400_000)
  const gone = { path: '/nowhere/else.parquet', day: today, rows: 1 }
  thread.port.postMessage({
    kind: 'files',
    nextOffset: 1,
    isRewritten: false,
    events: [gone],
    metrics: [gone],
    merged: [],
  } satisfies FeedMessage)
  const failed = await thread.answer('summary', 'range=24h', false)
  assert.ok(failed.status >= 500)
  assert.match(Buffer.from(failed.body).toString(), /"error":\{"code":"(failed|busy)","message":"./)
  assert.equal((await thread.answer('summary', 'range=2h', false)).status, 400)
})
