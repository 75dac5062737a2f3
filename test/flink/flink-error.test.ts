import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statementHeading } from '../../src/flink/cluster/gateway.ts'
import { rootCause } from '../../src/flink/error.ts'

const TRACE = `org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
	at org.apache.flink.table.gateway.Some.method(Some.java:91)
Caused by: org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1
	... 3 more
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Object 'campaign_events' not found
	at java.base/java.lang.Thread.run(Thread.java:840)
`

test("the innermost cause of Flink's trace is what is said", () => {
  assert.equal(rootCause(TRACE), "SqlValidatorException: Object 'campaign_events' not found")
  assert.equal(
    rootCause('java.lang.NumberFormatException: Character N\n\tat x'),
    'NumberFormatException: Character N',
  )
  assert.equal(rootCause(''), 'no reason was given')
})

test('a statement is named without what it holds', () => {
  const sql = "-- why\nCREATE CATALOG lake WITH (\n  'jdbc.password' = 'secret'\n)"
  assert.equal(statementHeading(sql), 'CREATE CATALOG lake')
  assert.equal(statementHeading("SET 'a' = 'secret'"), "SET 'a'")
  assert.ok(statementHeading(`INSERT INTO ${'x'.repeat(200)}`).length <= 61)
})
