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

function open(): Meter {
  return openMeter({
    readings: () => READINGS,
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
