/** The facts thread as the main thread sees it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Facts, startFacts } from '../../../src/dashboard/facts/facts.ts'
import type { FeedMessage } from '../../../src/embedded.ts'
import { placesIn } from '../../support/places.ts'

async function openThread(t: TestContext): Promise<Facts> {
  const folder = await mkdtemp(path.join(tmpdir(), 'facts-thread-'))
  const facts = await startFacts(
    { ...placesIn(folder), windowUs: 300_000_000 },
    { onLive() {}, onFailed: (error) => assert.fail(error) },
  )
  t.after(async () => {
    await facts.close()
    await rm(folder, { recursive: true })
  })
  return facts
}

test('questions wait for the first word of the job, then all are answered', async (t) => {
  const facts = await openThread(t)
  const paths = ['summary', 'trend', 'revenue', 'campaigns', 'campaigns.csv', 'values', 'else']
  const answers = Promise.all(paths.map((asked) => facts.answer(asked, '', false)))
  const first: FeedMessage = { kind: 'files', nextOffset: 0, events: [], metrics: [] }
  facts.port.postMessage(first)
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 404],
  )
})

test('closing ends a thread with questions under way, which are rejected, as are later ones', async (t) => {
  const facts = await openThread(t)
  const waiting = facts.answer('summary', '', false)
  waiting.catch(() => {})
  await facts.close()
  await assert.rejects(waiting, /has ended/)
  await assert.rejects(facts.answer('summary', '', false), /has ended/)
})

test('what the thread cannot read is an answer that says so, and no end of it', async (t) => {
  const facts = await openThread(t)
  const today = Math.floor(Date.now() / 86_400_000)
  const gone = { path: '/nowhere/else.parquet', day: today, rows: 1 }
  facts.port.postMessage({
    kind: 'files',
    nextOffset: 1,
    events: [gone],
    metrics: [gone],
  } satisfies FeedMessage)
  const failed = await facts.answer('summary', 'range=24h', false)
  assert.ok(failed.status >= 500)
  assert.match(Buffer.from(failed.body).toString(), /"error":\{"code":"(failed|busy)","message":"./)
  assert.equal((await facts.answer('summary', 'range=2h', false)).status, 400)
})
