/** PyIceberg filters a merged file by its bounds: a wrong one would lose rows silently. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { pythonReaders } from '../interop/python.ts'
import { openUpkeep } from '../support/maintenance.ts'
import { dayRows, eventRow, openPlace } from './fixture.ts'

const { python, skip } = pythonReaders()
const MIDNIGHT_US = Date.UTC(2026, 10, 22) * 1000
const HOUR_US = 3_600_000_000
const CAMPAIGNS = [
  'a',
  'Ä',
  'ä',
  'кампания',
  '活动',
  '😀',
  '\ufffd',
  'z'.repeat(256),
  '0',
  '~',
  '\u0000',
  "o'b",
]

test('PyIceberg finds every row of a merged file by every column', { skip }, async (t) => {
  const place = await openPlace(t)
  const nowUs = (): number => MIDNIGHT_US + 4 * HOUR_US
  const lake = await place.open({ nowUs })
  for (const [index, campaignId] of CAMPAIGNS.entries()) {
    const fields = {
      campaignId,
      userId: campaignId,
      revenue: (index - 5) / 3,
      country: index % 2 ? null : 'ß',
    }
    const at = MIDNIGHT_US + index
    const rows = [0, 1].map((i) =>
      eventRow({
        ...fields,
        eventId: `${campaignId.slice(0, 20)}-${i}`,
        timestampUs: at,
        platform: null,
      }),
    )
    const file = await lake.writeEventsFile(dayRows(rows, at))
    await lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: `c-${index}` })
  }
  const maintenance = openUpkeep(lake, { nowUs, steadyMs: () => 0, logProgress: () => null })
  while ((await maintenance.step()) !== null) {}
  assert.equal(lake.events.files.length, 1)
  const script = join(import.meta.dirname, '../interop/row-filters.py')
  const words = [`sqlite:///${place.catalogPath}`]
  const { stdout } = await promisify(execFile)(python ?? '', [script, ...words], {
    timeout: 60_000,
  })
  t.diagnostic(stdout)
})
