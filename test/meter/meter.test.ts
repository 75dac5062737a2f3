/** The meter's claims: names and values as Prometheus reads them, and no global state. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { register } from 'prom-client'
import { type Meter, openMeter, type Readings } from '../../src/meter.ts'

const READINGS: Readings = {
  logStart: 3,
  logEnd: 120,
  logBytes: 4096,
  waiting: 20,
  commits: 7,
  stored: 90,
  duplicates: 10,
  rejectedKept: 4,
  freshnessSeconds: null,
  liveFiles: { campaign_events: 12, campaign_metrics: 3 },
  dedupeIds: 90,
  dedupeBytes: 2048,
  dedupeHorizonTrueSeconds: 3600,
  dedupeHorizonSeconds: 3600,
}

function open(readings: Readings = READINGS): Meter {
  return openMeter({
    readings: () => readings,
    memory: () => ({ rssBytes: 100, heapBytes: 50, externalBytes: 25 }),
  })
}

/** `name{labels} value` lines as a map. */
async function samples(meter: Meter): Promise<Map<string, string>> {
  const map = new Map<string, string>()
  for (const line of (await meter.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const cut = line.lastIndexOf(' ')
    assert.ok(!map.has(line.slice(0, cut)), `one sample a series: ${line}`)
    map.set(line.slice(0, cut), line.slice(cut + 1))
  }
  return map
}

test('the meter shows what was counted and what is read, scrape after scrape', async () => {
  const meter = open()
  meter.collect.accepted += 98
  meter.collect.rejected['timestamp-format'] = 2
  meter.collect.eventAnswers[200] = 1
  await meter.text()
  meter.collect.accepted += 1
  const seen = await samples(meter)
  assert.equal(seen.get('campaign_metrics_events_accepted_total'), '99')
  assert.equal(seen.get('campaign_metrics_events_rejected_total{reason="timestamp-format"}'), '2')
  assert.equal(seen.get('campaign_metrics_event_requests_total{status="200"}'), '1')
  assert.equal(seen.get('campaign_metrics_log_end_offset'), '120')
  assert.equal(seen.get('campaign_metrics_events_stored_total'), '90')
  assert.equal(seen.get('campaign_metrics_live_files{table="campaign_events"}'), '12')
  assert.equal(seen.get('campaign_metrics_resident_bytes'), '100')
})

test('a value that is not known shows as NaN, never as 0', async () => {
  assert.equal((await samples(open())).get('campaign_metrics_freshness_seconds'), 'Nan')
})

test('what a log or an engine does not have is without a sample, not 0', async () => {
  const { logBytes: _, dedupeIds: __, dedupeBytes: ___, ...others } = READINGS
  const seen = [...(await samples(open(others))).keys()]
  const named = /log_bytes|dedupe_(?:ids|bytes)|_job_|_windows?_|events_(?:late|in_open)/
  assert.deepEqual(
    seen.filter((name) => named.test(name)),
    [],
  )
  assert.ok(seen.includes('campaign_metrics_log_end_offset'))
})

test('the job on a cluster and its windows have samples as far as they are known', async () => {
  const job = {
    ...{ id: '62e0', state: 'RESTARTING', restarts: 3, watermarkLagSeconds: 12.5 },
    checkpoints: { completed: 40, failed: 2 },
    lastCheckpoint: { ageSeconds: 3.5, durationMs: 410, bytes: 4096 },
  }
  const windows = { closed: 50, amended: 3, lateEvents: 7, open: { windows: 4, events: 1_800 } }
  const told = async (more: Partial<Readings>): Promise<Record<string, string>> => {
    const named = /^campaign_metrics_(job_.*|windows_.*|events_(?:late|in_open).*)$/
    const found = [...(await samples(open({ ...READINGS, ...more })))].flatMap(([name, value]) => {
      const [, short] = named.exec(name) ?? []
      return short === undefined ? [] : [[short, value]]
    })
    return Object.fromEntries(found)
  }
  assert.deepEqual(await told({ job, windows }), {
    job_running: '0',
    'job_info{id="62e0",state="RESTARTING"}': '1',
    job_restarts_total: '3',
    job_checkpoints_completed_total: '40',
    job_checkpoints_failed_total: '2',
    job_checkpoint_age_seconds: '3.5',
    job_checkpoint_duration_seconds: '0.41',
    job_checkpoint_bytes: '4096',
    job_watermark_lag_seconds: '12.5',
    windows_closed: '50',
    windows_amended_total: '3',
    windows_open: '4',
    events_in_open_windows: '1800',
    events_late_total: '7',
  })
  assert.deepEqual(await told({ job: { id: 'a', state: 'RUNNING' } }), {
    job_running: '1',
    'job_info{id="a",state="RUNNING"}': '1',
  })
  assert.deepEqual(await told({ job: null }), { job_running: '0' })
})

test('histogram buckets are cumulative; a value on a bound belongs to its bucket', async () => {
  const meter = open()
  for (const seconds of [0.0005, 0.001, 0.003, 99]) meter.requestSeconds.observe(seconds)
  const seen = await samples(meter)
  const name = 'campaign_metrics_event_request_duration_seconds'
  assert.equal(seen.get(`${name}_bucket{le="0.001"}`), '2')
  assert.equal(seen.get(`${name}_bucket{le="0.0025"}`), '2')
  assert.equal(seen.get(`${name}_bucket{le="0.005"}`), '3')
  assert.equal(seen.get(`${name}_bucket{le="10"}`), '3')
  assert.equal(seen.get(`${name}_bucket{le="+Inf"}`), '4')
  assert.equal(seen.get(`${name}_count`), '4')
  assert.equal(Number(seen.get(`${name}_sum`)), 0.0005 + 0.001 + 0.003 + 99)
  assert.match(await meter.text(), /# TYPE campaign_metrics_commit_duration_seconds histogram/)
})

test('every series has a help line, and the global registry stays empty', async () => {
  const text = await open().text()
  const typed = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])
  const helped = [...text.matchAll(/^# HELP (\S+) \S/gm)].map((match) => match[1])
  assert.ok(typed.length >= 20)
  assert.deepEqual(helped, typed)
  assert.equal(register.getMetricsAsArray().length, 0)
})

test('two meters are kept apart', async () => {
  const [one, two] = [open(), open()]
  one.collect.accepted = 5
  assert.equal((await samples(two)).get('campaign_metrics_events_accepted_total'), '0')
})
