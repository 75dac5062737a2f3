/** The REST catalog passes Iceberg's own compatibility kit, but for what is refused by design. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryCatalog } from '../rck/try-catalog.ts'

test("every test of Iceberg's compatibility kit passes, or is refused for a listed reason", async () => {
  const tests = await tryCatalog()
  const defects = tests.filter(({ verdict }) => verdict === 'defect')
  assert.deepEqual(defects, [])
  assert.ok(tests.some(({ verdict }) => verdict === 'pass'))
})
