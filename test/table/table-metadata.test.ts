/** Table metadata of other programs: what may differ is read, what may not is refused. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseExact, stringifyExact } from '../../src/runtime.ts'
import { TABLES } from '../../src/table/definition.ts'
import { parseMetadata, serializeMetadata } from '../../src/table/table-metadata.ts'

const TEXT = readFileSync(
  path.join(import.meta.dirname, '../golden/flink/campaign_events/table.metadata.json'),
  'utf8',
)

type Json = Record<string, unknown>

/** The golden metadata with fields replaced. */
function withFields(change: (json: Json) => Json): string {
  const json = parseExact(TEXT, [
    'snapshot-id',
    'parent-snapshot-id',
    'current-snapshot-id',
  ]) as Json
  return stringifyExact({ ...json, ...change(json) })
}

const REFUSED: Readonly<Record<string, readonly [(json: Json) => Json, RegExp]>> = {
  'another format version': [() => ({ 'format-version': 3 }), /format version is 3/],
  'another column': [
    ({ schemas }) => ({ schemas: renamed(schemas, '"platform"', '"client"') }),
    /its column platform was renamed to client/,
  ],
  'another id of a column': [
    ({ schemas }) => ({ schemas: renamed(schemas, '"id":9', '"id":10') }),
    /its column device_type \(field id 9\) was dropped/,
  ],
  'a current schema that is not there': [
    () => ({ 'current-schema-id': 7 }),
    /its current schema is missing/,
  ],
  'another partitioning': [
    (json) => ({ 'partition-specs': renamed(json['partition-specs'], '"day"', '"hour"') }),
    /its partitions were changed/,
  ],
  'no partitioning': [
    () => ({ 'partition-specs': [{ 'spec-id': 0, fields: [] }] }),
    /its partitions were changed/,
  ],
  'the same partitioning under another number': [
    (json) => ({
      'default-spec-id': 1,
      'partition-specs': renamed(json['partition-specs'], '"spec-id":0', '"spec-id":1'),
    }),
    /its partitions were changed/,
  ],
}

function renamed(json: unknown, from: string, to: string): unknown {
  const text = JSON.stringify(json)
  assert.ok(text.includes(from))
  return JSON.parse(text.replace(from, to))
}

for (const [name, [change, message]] of Object.entries(REFUSED)) {
  test(`metadata with ${name} is refused`, () => {
    assert.throws(() => parseMetadata(TABLES.events, 'file', withFields(change)), message)
  })
}

test("another program's additions are read and written again", () => {
  const text = withFields(({ schemas }) => ({
    schemas: (schemas as Json[]).map((schema) => ({ ...schema, 'identifier-field-ids': [] })),
    'partition-specs': [
      ...((parseExact(TEXT, []) as Json)['partition-specs'] as Json[]),
      { 'spec-id': 5, fields: [] },
    ],
  }))
  const again = serializeMetadata(parseMetadata(TABLES.events, 'file', text))
  const specs = (parseExact(again, []) as Json)['partition-specs'] as Json[]
  assert.deepEqual(
    specs.map((spec) => Number(spec['spec-id'])),
    [0, 5],
  )
})
