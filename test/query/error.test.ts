/** What the errors of the room tell: the facts, and whether the same call may succeed later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError, type QueryErrorCode } from '../../src/query/error.ts'

const CODES: Readonly<
  Record<QueryErrorCode, Readonly<{ canRetry: boolean; facts: readonly string[] }>>
> = {
  'sql-refused': { canRetry: false, facts: ['reason'] },
  'not-a-query': { canRetry: false, facts: ['found'] },
  'files-expired': { canRetry: true, facts: ['reason'] },
  'file-lost': { canRetry: false, facts: ['reason'] },
  'file-damaged': { canRetry: false, facts: ['reason'] },
  'parquet-unreadable': { canRetry: false, facts: ['file', 'reason'] },
  'out-of-memory': { canRetry: false, facts: ['memory', 'temporary', 'reason'] },
  'merge-failed': { canRetry: true, facts: ['files', 'output', 'reason'] },
  'no-spill-folder': { canRetry: true, facts: ['folder', 'reason'] },
  closed: { canRetry: false, facts: [] },
  'trino-unreachable': { canRetry: true, facts: ['url', 'reason'] },
  'trino-sign-in': { canRetry: false, facts: ['url', 'user', 'reason'] },
  'trino-address': { canRetry: false, facts: ['url', 'reason'] },
  'trino-answer': { canRetry: false, facts: ['url', 'reason'] },
  'trino-no-nodes': { canRetry: true, facts: ['query', 'reason'] },
  'trino-other-tables': { canRetry: false, facts: ['url', 'table', 'seen', 'own'] },
  'trino-resources': { canRetry: true, facts: ['reason'] },
  'trino-failed': { canRetry: true, facts: ['query', 'reason'] },
}

for (const [code, { canRetry, facts }] of Object.entries(CODES)) {
  const later = canRetry ? 'may succeed later' : 'fails again'
  test(`${code} tells its facts, and that the same call ${later}`, () => {
    const given = Object.fromEntries(facts.map((name) => [name, `<${name}>`]))
    const error = new QueryError(code as QueryErrorCode, given)
    assert.equal(error.canRetry, canRetry)
    for (const name of facts) assert.ok(error.message.includes(`<${name}>`), error.message)
  })
}
