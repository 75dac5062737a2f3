/** What the meter counts of the job's progress. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobProgress } from '../../src/job.ts'
import { type Meter, openMeter } from '../../src/meter.ts'
import { openWatch, type WatchOptions } from '../../src/pipeline/watch.ts'

const FIGURES = { rows: 0, files: 0, bytes: 0, snapshotId: null }
const FIRST: JobProgress = {
  nextOffset: 0,
  logBase: 0,
  stored: 0,
  duplicates: 0,
  rejected: 0,
  committedUntilUs: null,
  state: 'running',
  stalled: null,
  dedupe: { horizonMs: 1, trueHorizonMs: 1, ids: 0, bytes: 0 },
  tables: { events: FIGURES, metrics: FIGURES },
  wholeFromUs: null,
  bytesPerDay: null,
  rejectedCountsOnly: false,
  lastCommit: null,
}
/** Only what the watch asks of the rooms. */
const ROOMS = {
  log: {
    id: 'log-a',
    start: () => 0,
    end: () => 0,
    stats: () => ({ bytesOnDisk: 0, failed: null, full: null, unreadable: null, changed: null }),
  },
  clicksUnstored: () => 0,
  outlook: { outlook: () => ({ clockSteps: [], disk: null }) },
  rejected: { stats: () => ({ total: 0, keepingCountsOnly: false, failed: false, trouble: null }) },
} as unknown as WatchOptions

test('a commit is counted once, however often its progress is told', async () => {
  const memory = () => ({ rssBytes: 0, heapBytes: 0, externalBytes: 0 })
  const meter: Meter = openMeter({ readings: () => watch.readings(), memory })
  const { commitSeconds } = meter
  const watch = openWatch({ ...ROOMS, commitSeconds, dedupeHorizonMs: 1, nowUs: () => 1 })
  watch.observe(FIRST)
  for (const atUs of [10, 10, 10, 20]) {
    watch.observe({ ...FIRST, lastCommit: { atUs, durationMs: 5 } })
  }
  const text = await meter.text()
  assert.match(text, /^campaign_metrics_commits_total 2$/m)
  assert.match(text, /^campaign_metrics_commit_duration_seconds_count 2$/m)
})

test('commits of an engine that does not report their time are counted, not timed', async () => {
  const memory = () => ({ rssBytes: 0, heapBytes: 0, externalBytes: 0 })
  const meter: Meter = openMeter({ readings: () => watch.readings(), memory })
  const { commitSeconds } = meter
  const watch = openWatch({ ...ROOMS, commitSeconds, dedupeHorizonMs: 1, nowUs: () => 1 })
  watch.observe(FIRST)
  watch.observe({ ...FIRST, lastCommit: { atUs: 10 } })
  const text = await meter.text()
  assert.match(text, /^campaign_metrics_commits_total 1$/m)
  assert.match(text, /^campaign_metrics_commit_duration_seconds_count 0$/m)
})
