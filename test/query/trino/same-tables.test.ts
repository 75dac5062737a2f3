/** Whether Trino sees our tables. Against Trino itself: test/stack/trino-tables.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from '../../../src/query/error.ts'
import type { TrinoClient } from '../../../src/query/trino/client.ts'
import { checkSameTables } from '../../../src/query/trino/same-tables.ts'

const PLACE = { url: 'http://trino:8080', user: 'ann', password: null, catalog: null }
const EVENTS = ['s3://lake/events/metadata/2.json', 's3://lake/events/metadata/1.json']
const METRICS = ['s3://lake/metrics/metadata/2.json']
const OWN = { events: { metadataLocations: EVENTS }, metrics: { metadataLocations: METRICS } }

function trinoWith(files: Readonly<Record<string, string | Error>>): TrinoClient {
  const rows: TrinoClient['rows'] = async (sql) => {
    const table = /"(\w+)\$metadata_log_entries"/.exec(sql)?.[1] ?? ''
    const file = files[table]
    if (file instanceof Error) throw file
    return file === undefined ? [] : [[file]]
  }
  return { rows } as TrinoClient
}

async function check(events: string | Error, metrics: string | Error): Promise<void> {
  const client = trinoWith({ campaign_events: events, campaign_metrics: metrics })
  await checkSameTables(client, PLACE, async () => OWN)
}

test('Trino sees our tables where its metadata files are ours, current or just replaced', async () => {
  await check('s3://lake/events/metadata/2.json', 's3://lake/metrics/metadata/2.json')
  await check('s3://lake/events/metadata/1.json', 's3://lake/metrics/metadata/2.json')
})

test('a first answer that is older than what our tables list is asked for again', async () => {
  const answers = ['s3://lake/events/metadata/0.json', EVENTS[0], METRICS[0]]
  const client = { rows: async () => [[answers.shift()]] } as unknown as TrinoClient
  await checkSameTables(client, PLACE, async () => OWN)
  assert.deepEqual(answers, [])
})

test('other tables are named with both files', async () => {
  await assert.rejects(check('s3://lake/other/1.json', 's3://lake/metrics/metadata/2.json'), {
    code: 'trino-other-tables',
    message: /its campaign_events is s3:\/\/lake\/other\/1\.json, ours is s3:.*events.*2\.json/,
  })
  await assert.rejects(check('s3://lake/events/metadata/2.json', 's3://lake/other/1.json'), {
    code: 'trino-other-tables',
    message: /its campaign_metrics is s3:\/\/lake\/other\/1\.json/,
  })
})

test('tables that Trino does not have are other tables; other failures stay what they are', async () => {
  const refused = (errorName: string): QueryError =>
    new QueryError('sql-refused', { reason: 'so it is' }, { errorName })
  for (const name of ['TABLE_NOT_FOUND', 'SCHEMA_NOT_FOUND', 'CATALOG_NOT_FOUND']) {
    await assert.rejects(check(refused(name), 's3://lake/metrics/metadata/2.json'), {
      code: 'trino-other-tables',
      message: /its campaign_events is missing/,
    })
  }
  await assert.rejects(check(refused('PERMISSION_DENIED'), ''), { code: 'sql-refused' })
})
