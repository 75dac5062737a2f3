/**
 * `rejected --replay`: what it says before it sends, and how long it waits for a collector that is
 * not there.
 */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openRejected } from '../../src/rejected.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { openFakeCollector, takeAllButBad } from './support/fake-collector.ts'
import { runInside } from './support/terminal.ts'

const NOW_US = 1_795_341_600_000_000
const RIGHT =
  '{"event_id":"e","user_id":"u","campaign_id":"c","event_type":"click",' +
  '"timestamp":"2026-11-22T10:00:00Z"}'

/** A folder of rejected events, by their bytes; returns the configuration that names it. */
async function kept(t: TestContext, events: readonly string[]): Promise<string> {
  const folder = makeScratchFolder('replay', t)
  const config = join(folder, 'campaign-metrics.yaml')
  await writeFile(config, 'rejected: ./rejected\n')
  const store = await openRejected({
    directory: join(folder, 'rejected'),
    source: 'collector',
    bytesMax: 1024 * 1024,
    nowUs: () => NOW_US,
  })
  await store.keep(
    events.map((text) => {
      const reason = text.startsWith('{"event_id":""') ? 'event-id-length' : 'syntax'
      return { bytes: Buffer.from(text), reason, arrivalUs: NOW_US }
    }),
  )
  await store.close()
  return config
}

test('lines that cannot succeed are counted by reason before anything is sent', async (t) => {
  const config = await kept(t, ['{', '{"event_id":""}', '{"event_id":"" }', RIGHT])
  const collector = await openFakeCollector(takeAllButBad)
  t.after(() => collector.close())
  const ran = await runInside(['rejected', '--replay', '--config', config, '--url', collector.url])
  assert.equal(collector.requests.length, 1)
  const [saidFirst] = ran.stderr.split('\n')
  assert.equal(
    saidFirst,
    '3 of 4 cannot be accepted with the bytes they have (2 event-id-length, 1 syntax) and will ' +
      'be rejected, and kept, once ' +
      'more: correct such events and send them with `campaign-metrics send`.',
  )
  assert.match(ran.stderr, /\nSent 4 rejected events again: /)
})

test('a date no longer in the future and a line feed in a text are not hopeless', async (t) => {
  const ahead = RIGHT.replace('2026-11-22', '2099-01-01')
  const broken = RIGHT.replace('"c"', '"c\nd"')
  const config = await kept(t, [ahead, broken])
  const collector = await openFakeCollector(takeAllButBad)
  t.after(() => collector.close())
  const ran = await runInside(['rejected', '--replay', '--config', config, '--url', collector.url])
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.doesNotMatch(ran.stderr, /cannot be accepted/)
})

test('when nobody listens it ends within seconds, and nothing is marked as sent', async (t) => {
  const config = await kept(t, [RIGHT])
  const gone = await openFakeCollector(takeAllButBad)
  await gone.close()
  const words = ['rejected', '--replay', '--config', config, '--url', gone.url]
  const waits = (stderr: string): number =>
    [...stderr.matchAll(/next try in (?:(\d+) ms|([\d.]+) s)/g)]
      .map(([, ms, s]) => (ms === undefined ? Number(s) * 1000 : Number(ms)))
      .reduce((sum, wait) => sum + wait, 0)
  const ran = await runInside(words)
  assert.equal(ran.exitCode, 3)
  assert.match(ran.stderr, /nothing listens there \(ECONNREFUSED\)/)
  assert.match(ran.stderr, /Sent 0 rejected events again/)
  assert.ok(waits(ran.stderr) <= 5000, ran.stderr)
  const listed = await runInside(['rejected', '--config', config])
  assert.match(listed.stderr, /^1 rejected event: /)
})
