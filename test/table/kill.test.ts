/**
 * The process dies by SIGKILL at every step of a commit; what comes after finds each event once and
 * both tables agreed.
 */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { COMMIT_STEPS } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'
import { openPlace } from './fixture.ts'

const CHILD = fileURLToPath(import.meta.resolve('./kill-child.ts'))

test('kills at each step, all in one folder, lose or double no answered commit (F4)', async (t) => {
  const place = await openPlace(t)
  let before = 0
  for (const [round, step] of COMMIT_STEPS.entries()) {
    const killAt = String(1 + (round % 3))
    const args = [CHILD, JSON.stringify(placesIn(place.folder)), step, killAt]
    const child = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(child.signal, 'SIGKILL', child.stderr)
    const answers = child.stdout.split('\n').filter(Boolean)
    const answered = Math.max(before, ...answers.map((text) => Number(text) + 1))
    const lake = await place.open()
    const ids: string[] = []
    for (const file of lake.events.files) {
      for await (const page of lake.readEventIds(file)) {
        ids.push(...page.map((id) => Buffer.from(id).toString()))
      }
    }
    const count = Number(lake.events.summary['campaign-metrics.next-offset'] ?? 0)
    const expected = Array.from({ length: count }, (_, index) => `e-${index}`)
    assert.deepEqual(ids.toSorted(), expected.toSorted(), step)
    assert(count === answered || count === answered + 1, `${count} commits, ${answered} answered`)
    assert.equal(Number(lake.metrics.summary['campaign-metrics.next-offset'] ?? 0), count)
    const rows = await Promise.all(lake.metrics.files.map((file) => lake.readMetricsFile(file)))
    assert.deepEqual(
      rows.flat().map((row) => row.impressions),
      count === 0 ? [] : [count],
    )
    before = count
    await lake.close()
  }
})
