/**
 * The feed of a true job: its own thread, a log and tables on the disk, held against a plain model
 * of the events.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { zstdDecompressSync } from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { type JobThread, startJob } from '../../src/embedded.ts'
import type { WindowDelta } from '../../src/event.ts'
import type { Log } from '../../src/log.ts'
import { type JobPlace, openJobPlace } from '../support/job-place.ts'
import { openRandom } from '../support/random.ts'
import { until } from '../support/until.ts'
import { expectExact, type FeedReader, openFeedReader, sumsText } from './feed-reader.ts'
import { openTraffic, type Traffic } from './feed-traffic.ts'

const SILENT = { onProgress() {}, onWarning() {} }
const WINDOW_US = 300_000_000
const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US
const DAY_MS = DAY_US / 1000
const MINUTE_US = 60_000_000
/** A merge of a minute's files waits until the minute is over, and comes some seconds after that. */
const BEFORE_MINUTE_US = 5_000_000
const MERGED_LIMIT_MS = 60_000
const PARTS_MAX = 2_000

/**
 * Events arrive, by their log, in the last seconds of a minute an hour ago, however long the machine
 * takes. The first of them begins dedupe time, which from then on goes as far as the clocks agree:
 * so files fall into one minute, and it is soon over.
 */
function openPlace(t: TestContext): Promise<JobPlace> {
  const minuteUs = Math.floor((Date.now() * 1000 - HOUR_US) / MINUTE_US) * MINUTE_US
  return openJobPlace(t, {
    log: { nowUs: () => minuteUs - BEFORE_MINUTE_US },
    job: {
      windowUs: WINDOW_US,
      commitIntervalMs: 200,
      dedupe: { horizonMs: DAY_MS, memoryMaxBytes: 2 ** 26 },
    },
  })
}

function readFeed(job: JobThread): FeedReader {
  const { port1, port2 } = new MessageChannel()
  job.feed(port1)
  return openFeedReader(port2)
}

/** How many raw files each message named. */
const filesTold = ({ messages }: FeedReader): readonly number[] =>
  messages.flatMap((message) => (message.kind === 'pending' ? [] : [message.events.length]))

async function append(log: Log, traffic: Traffic): Promise<void> {
  const { lines, count, arrivalUs } = traffic.part(log.stampUs())
  await log.append(lines, count, arrivalUs)
}

/** As any Parquet reader has them; revenue of these tests is in cents. */
async function readRows(file: string): Promise<readonly WindowDelta[]> {
  const rows = await parquetReadObjects({
    file: await asyncBufferFromFile(file),
    compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
  })
  return rows.map((row) => ({
    campaignId: row.campaign_id as string,
    windowStartUs: (row.window_start as Date).getTime() * 1000,
    impressions: Number(row.impressions),
    clicks: Number(row.clicks),
    conversions: Number(row.conversions),
    revenueMillionths: BigInt(Math.round((row.revenue as number) * 100)) * 10_000n,
  }))
}

test('every message adds up to what was taken, over a restart and for a late reader', async (t) => {
  const { log, settings } = await openPlace(t)
  const random = openRandom(41)
  const traffic = openTraffic({ seed: 41, windowUs: WINDOW_US, lateUsMax: 3 * DAY_US })
  const model = { readRows, partsAt: traffic.partsAt }
  const first = await startJob(settings, SILENT)
  const early = readFeed(first)
  for (let i = 0; i < 60; i++) {
    await append(log, traffic)
    await sleep(random.below(40))
  }
  const late = readFeed(first)
  await early.ended
  // Events come until enough was told about them, which takes as long as the machine's commits do.
  const isEnough = (): boolean => {
    const messages = [...early.messages, ...late.messages]
    const commits = messages.filter(({ kind }) => kind === 'commit')
    const pending = messages.filter((message) =>
      message.kind === 'commit' ? message.pending !== null : message.kind === 'pending',
    )
    return commits.length >= 5 && pending.length >= 5
  }
  for (let i = 0; i < 30 || !isEnough(); i++) {
    assert.ok(
      i < PARTS_MAX,
      [...early.messages, ...late.messages].map(({ kind }) => kind).join(' '),
    )
    await append(log, traffic)
    await sleep(random.below(40))
  }
  await first.close(log.end(), 10_000)
  await late.ended
  await expectExact(early.messages, model)
  assert.equal(sumsText(await expectExact(late.messages, model)), sumsText(traffic.sums))
  assert.equal(late.messages.at(-1)?.kind, 'commit')

  // What came while no job ran is pending or committed soon after the files of the tables are told.
  await append(log, traffic)
  const second = await startJob(settings, SILENT)
  const again = readFeed(second)
  for (let i = 0; i < 10; i++) await append(log, traffic)
  await second.close(log.end(), 10_000)
  await again.ended
  assert.equal(sumsText(await expectExact(again.messages, model)), sumsText(traffic.sums))
})

test('merged files are told with the same rows', async (t) => {
  const { log, settings } = await openPlace(t)
  const traffic = openTraffic({ seed: 43, windowUs: WINDOW_US, lateUsMax: 4 * DAY_US })
  const job = await startJob(settings, SILENT)
  const reader = readFeed(job)
  const isMerged = (): boolean =>
    filesTold(reader).some((count, at, all) => count < (all[at - 1] ?? 0))
  // A file for each commit, until so many lie in the minute that they are merged.
  for (let i = 0; i < 6; i++) {
    await append(log, traffic)
    await until(() => job.progress().checkpoint.nextOffset === log.end())
  }
  await reader.until(isMerged, MERGED_LIMIT_MS)
  for (let i = 0; i < 5; i++) await append(log, traffic)
  await job.close(log.end(), 10_000)
  await reader.ended
  const rowsOf = (files: readonly { rows: number }[]): number =>
    files.reduce((sum, { rows }) => sum + rows, 0)
  const rowsAt = new Map<number, number>()
  for (const message of reader.messages) {
    if (message.kind === 'pending') continue
    const rows = rowsOf(message.events)
    assert.equal(rows, rowsAt.get(message.nextOffset) ?? rows, 'no raw row comes or goes')
    rowsAt.set(message.nextOffset, rows)
  }
  const total = await expectExact(reader.messages, { readRows, partsAt: traffic.partsAt })
  assert.equal(sumsText(total), sumsText(traffic.sums))
})

test('files are told at once, also while ids are read back', async (t) => {
  const { log, settings } = await openPlace(t)
  const traffic = openTraffic({ seed: 44, windowUs: WINDOW_US, lateUsMax: HOUR_US })
  const first = await startJob(settings, SILENT)
  await append(log, traffic)
  await first.close(log.end(), 10_000)
  const states: string[] = []
  const job = await startJob(settings, { ...SILENT, onProgress: ({ state }) => states.push(state) })
  const reader = readFeed(job)
  await reader.until((messages) => messages.length === 1)
  const [files] = reader.messages
  assert.ok(files?.kind === 'files')
  assert.equal(files.nextOffset, log.end())
  assert.equal(states[0], 'rebuilding')
  await job.close(log.end(), 10_000)
  assert.equal(
    sumsText(await expectExact(reader.messages, { readRows, partsAt: traffic.partsAt })),
    sumsText(traffic.sums),
  )
})
