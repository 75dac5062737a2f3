/** What SQL a user may run, on what, and how its result comes back. */
import assert from 'node:assert/strict'
import { rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type LakeFiles, openFilesQuery, type Query } from '../../../src/query/duckdb/lake-query.ts'
import { formatCsv, formatJson, formatTable } from '../../../src/query/format.ts'
import { rowsOf, textOf } from '../../support/query-results.ts'
import { type Fixture, openFixture } from '../fixture.ts'

let fixture: Fixture
let query: Query

before(async () => {
  fixture = await openFixture()
  query = await fixture.query({
    events: [await fixture.eventsFile('a.parquet', [{ id: 'a' }, { id: 'b', revenue: '2.5' }])],
  })
})
after(() => fixture.close())

const run = async (sql: string, of: Query = query): Promise<unknown[]> =>
  rowsOf(await of.runSql(sql))

test('the views have the columns and types of the tables, filled or empty', async () => {
  const columns = async (view: string) => (await query.runSql(`SELECT * FROM ${view}`)).columns
  assert.deepEqual(
    (await columns('campaign_events')).map(({ name, type }) => `${name} ${type}`),
    [
      'event_id VARCHAR',
      'user_id VARCHAR',
      'campaign_id VARCHAR',
      'event_type VARCHAR',
      'timestamp TIMESTAMP',
      'revenue DOUBLE',
      'platform VARCHAR',
      'country VARCHAR',
      'device_type VARCHAR',
    ],
  )
  assert.deepEqual(
    (await columns('campaign_metrics')).map(({ name, type }) => `${name} ${type}`),
    [
      'campaign_id VARCHAR',
      'window_start TIMESTAMP',
      'window_end TIMESTAMP',
      'impressions BIGINT',
      'clicks BIGINT',
      'conversions BIGINT',
      'revenue DOUBLE',
      'ctr_percent DOUBLE',
      'cvr_percent DOUBLE',
      'processed_at TIMESTAMP',
    ],
  )
  assert.deepEqual(await run('SELECT count(*), sum(revenue) FROM campaign_events'), [[2n, 2.5]])
  assert.deepEqual(await run('SELECT * FROM campaign_metrics'), [])
})

test('a column is found by its Iceberg field id, not its name; a missing one is NULL', async () => {
  const file = join(fixture.path, 'data/renamed.parquet')
  await fixture.sql(
    `COPY (SELECT 'x' AS other, 'late' AS campaign) TO '${file}' (FORMAT parquet, FIELD_IDS ` +
      '{other: 1, campaign: 3})',
  )
  const renamed = await fixture.query({ events: [file] })
  const sql = 'SELECT event_id, campaign_id, revenue FROM campaign_events'
  assert.deepEqual(await run(sql, renamed), [['x', 'late', null]])
})

for (const [sql, found] of [
  ["COPY (SELECT 1) TO 'PATH/data/a.parquet' (FORMAT parquet, USE_TMP_FILE false)", /COPY/],
  ["EXPLAIN ANALYZE COPY (SELECT 1) TO 'PATH/data/evil'", /EXPLAIN of COPY/],
  ["explain /* a */ (format json) COPY (SELECT 1) TO 'PATH/data/evil'", /EXPLAIN|refused|cannot/],
  ['-- explain\nexplain analyze create table x as select 1', /EXPLAIN of CREATE/],
  ['SET threads = 1', /SET/],
  ["ATTACH 'PATH/data/x.db'", /ATTACH/],
  ['INSTALL httpfs', /LOAD/],
  ['CREATE TABLE x AS SELECT 1', /CREATE/],
  ['DROP VIEW campaign_events', /DROP/],
  ['SELECT 1; SELECT 2', /2 statements/],
  ['', /an empty text/],
  [' ; -- nothing', /an empty text/],
] as const) {
  test(`only reading statements run: ${JSON.stringify(sql.slice(0, 50))} does not`, async () => {
    const asked = sql.replaceAll('PATH', fixture.path)
    await assert.rejects(run(asked), (error: Error & { code?: string }) => {
      assert.match(error.message, found)
      assert.ok(error.code === 'not-a-query' || error.code === 'sql-refused', error.code)
      return true
    })
    assert.deepEqual(await run('SELECT count(*) FROM campaign_events'), [[2n]])
  })
}

for (const sql of [
  "SELECT * FROM read_text('/etc/hostname')",
  "SELECT * FROM read_csv('PATH/data/../secret.csv')",
  "SELECT * FROM 'PATH/secret.csv'",
  "SELECT * FROM glob('/etc/*')",
  "SELECT * FROM 'https://example.invalid/x.parquet'",
  "SELECT * FROM query('SELECT * FROM read_text(''/etc/hostname'')')",
]) {
  test(`nothing but the tables' folders is read: ${sql}`, async () => {
    await writeFile(join(fixture.path, 'secret.csv'), 'a\n1\n')
    await assert.rejects(run(sql.replaceAll('PATH', fixture.path)), {
      name: 'QueryError',
      code: 'sql-refused',
    })
  })
}

test("DuckDB's own complaint reaches the user, with its hint", async () => {
  await assert.rejects(run('SELECT * FROM campaign_event'), {
    code: 'sql-refused',
    message: /campaign_event does not exist[\s\S]*campaign_events/,
  })
})

for (const sql of [
  'SELECT * FROM foo',
  'SELECT * FROM events',
  'FROM metrics',
  'SELECT * FROM campaign_event',
  'DESCRIBE foo',
  'EXPLAIN SELECT * FROM foo',
  'SELECT (SELECT 1 FROM foo)',
  'WITH t AS (SELECT 1) SELECT * FROM tt',
  'SELECT * FROM lake.campaigns.campaign_events',
  'SELECT * FROM campaigns.campaign_events',
  'SELECT * FROM main.foo',
  'SELECT * FROM pg_catalog.pg_clas',
  'SELECT * FROM duckdb_table',
  'SHOW TABLES FROM foo',
]) {
  test(`a table that is not there is answered with the two that are: ${sql}`, async () => {
    await assert.rejects(run(sql), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'sql-refused')
      assert.match(error.message, /\nThe tables are campaign_events and campaign_metrics\.(\n|$)/)
      assert.doesNotMatch(error.message, /Did you mean:? (?!"campaign_)/)
      return true
    })
  })
}

for (const [sql, hint] of [
  ['SELECT countt(*) FROM campaign_events', /Did you mean "count"\?/],
  ['SELECT 1::varchars', /Did you mean "varchar"\?/],
  ['SELECT event_idd FROM campaign_events', /Candidate bindings: "event_id"/],
  ['SELECT * FROM foo(1)', null],
  ['SELECT * FROM pragma_table_inf(1)', null],
  ["SELECT current_setting('foo')", null],
  ['SELECT pg_typeoff(1)', null],
  ["SELECT * FROM st_read('x')", /Extensions of DuckDB are not loaded here\.$/],
  ["SELECT * FROM iceberg_scan('x')", /Extensions of DuckDB are not loaded here\.$/],
] as const) {
  test(`advice is of use, or is left out: ${sql}`, async () => {
    await assert.rejects(run(sql), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'sql-refused')
      if (hint === null) assert.doesNotMatch(error.message, /[Dd]id you mean/)
      else assert.match(error.message, hint)
      assert.doesNotMatch(error.message, /INSTALL|autoload|The tables are/)
      return true
    })
  })
}

test('DESCRIBE, SUMMARIZE, SHOW, EXPLAIN and FROM-first queries run', async () => {
  for (const sql of [
    'DESCRIBE campaign_events',
    'SUMMARIZE campaign_events',
    'SHOW TABLES',
    'EXPLAIN SELECT 1',
    'explain analyze select 1',
    'FROM campaign_events',
    'WITH x AS (SELECT 1) FROM x',
  ]) {
    assert.ok((await run(sql)).length > 0, sql)
  }
})

const EVERYTHING = `SELECT 9007199254740993 AS big,
  340282366920938463463374607431768211455::UHUGEINT AS huge,
  12345678901234567890.123456::DECIMAL(38,6) AS exact, 0.1::DOUBLE + 0.2::DOUBLE AS sum,
    'nan'::DOUBLE AS nan,
  TIMESTAMP '2026-11-22 10:00:00.000001' AS at, TIMESTAMPTZ '2026-07-22 10:00:00+00' AS zoned,
    DATE '2026-02-28' AS day,
  [1, NULL] AS list, {'a': 'x', 'b': [TIMESTAMP '2026-01-01']} AS record, NULL AS nothing,
    '' AS empty, true AS yes,
  '=1+1,"x"' AS formula, 1 AS yes`

test('JSON keeps every digit of whole numbers and decimals, and every microsecond', async () => {
  assert.equal(
    await textOf(formatJson(await query.runSql(EVERYTHING))),
    '[\n{"big":9007199254740993,"huge":340282366920938463463374607431768211455,' +
      '"exact":12345678901234567890.123456,"sum":0.30000000000000004,"nan":"NaN",' +
      '"at":"2026-11-22T10:00:00.000001","zoned":"2026-07-22T12:00:00+02:00","day":"2026-02-28",' +
      '"list":[1,null],"record":{"a":"x","b":["2026-01-01T00:00:00"]},"nothing":null,' +
      '"empty":"","yes":true,"formula":"=1+1,\\"x\\"","yes:1":1}\n]\n',
  )
})

test('no rows are an empty JSON array, a lone CSV header, and a table that says so', async () => {
  const none = 'SELECT 1 AS a, 2 AS b WHERE false'
  assert.equal(await textOf(formatJson(await query.runSql(none))), '[]\n')
  assert.equal(await textOf(formatCsv(await query.runSql(none))), 'a,b\r\n')
  assert.equal(await textOf(formatTable(await query.runSql(none))), 'a  b\n─  ─\n(0 rows)\n')
})

test('CSV is RFC 4180, tells NULL from the empty text, and leaves values as they are', async () => {
  assert.equal(
    await textOf(
      formatCsv(
        await query.runSql(
          `SELECT 'a,b' AS x, NULL AS y, '' AS z, 'l1\nl2' AS "q""q", '=1+1' AS f, -1 AS n`,
        ),
      ),
    ),
    'x,y,z,"q""q",f,n\r\n"a,b",,"","l1\nl2",=1+1,-1\r\n',
  )
})

test('CSV for a spreadsheet disarms texts that begin like a formula, not numbers', async () => {
  const sql =
    "SELECT * FROM (VALUES ('=1+1', -1), ('@x', 2), ('-y', 3), ('+z', 4), ('＝w', 5), ('a;=1', " +
    "6), ('ok', 7)) t(a, b)"
  assert.equal(
    await textOf(formatCsv(await query.runSql(sql), { isForSpreadsheet: true })),
    "a,b\r\n'=1+1,-1\r\n'@x,2\r\n'-y,3\r\n'+z,4\r\n'＝w,5\r\n\"a;=1\",6\r\nok,7\r\n",
  )
})

test('a table has numbers at the right, wide characters, and no escape sequence', async () => {
  const sql =
    `SELECT * FROM (VALUES ('日本', 1, 2.5), (chr(27) || '[31m', 1000, NULL), ('e' ` +
    '|| chr(769), ' +
    'NULL, 0.25)) t(name, count, share)'
  assert.equal(
    await textOf(formatTable(await query.runSql(sql))),
    [
      'name        count  share',
      '──────────  ─────  ─────',
      '日本            1   2.50',
      '\\u001b[31m   1000   NULL',
      'e\u0301            NULL   0.25',
      '(3 rows)',
      '',
    ].join('\n'),
  )
})

test('a plan is printed as DuckDB draws it', async () => {
  const plan = await textOf(formatTable(await query.runSql('EXPLAIN SELECT 42')))
  assert.match(plan, /^┌─+┐\n│ +PROJECTION/)
})

test('a result larger than memory streams through', async () => {
  const small = await fixture.query({}, 64 * 2 ** 20)
  const result = await small.runSql(
    "SELECT range AS i, repeat('x', 1000) AS pad FROM range(300000)",
  )
  let rows = 0
  for await (const batch of result.batches) rows += batch.length
  assert.equal(rows, 300_000)
})

test('a query past its memory and its disk says so', async () => {
  const files = { version: '1', events: [], metrics: [], folders: [fixture.path] }
  const tight = await openFilesQuery(() => files, {
    memoryMaxBytes: 32 * 2 ** 20,
    threads: 2,
    timezone: 'UTC',
    temporaryPath: fixture.path,
    temporaryMaxBytes: 2 ** 20,
  })
  try {
    const sql = 'SELECT count(*) FROM (SELECT DISTINCT md5(range::VARCHAR) FROM range(3000000))'
    await assert.rejects(run(sql, tight), {
      code: 'out-of-memory',
      message: /its 32 MiB of memory/,
    })
  } finally {
    await tight.close()
  }
})

test('refresh moves both views to the new state, and only when there is one', async () => {
  let files: LakeFiles = {
    version: '1',
    events: [],
    metrics: [],
    folders: [join(fixture.path, 'data')],
  }
  const live = await fixture.query(() => files)
  assert.equal(await live.refresh(), false)
  files = {
    ...files,
    version: '2',
    events: [await fixture.eventsFile('new.parquet', [{ id: 'n' }])],
  }
  assert.deepEqual(await run('SELECT count(*) FROM campaign_events', live), [[0n]])
  assert.equal(await live.refresh(), true)
  assert.deepEqual(await run('SELECT count(*) FROM campaign_events', live), [[1n]])
})

test('files of a state are released when the views leave it, the last at the close', async () => {
  const released: string[] = []
  let version = '1'
  const folders = [join(fixture.path, 'data')]
  const live = await fixture.query(() => {
    const of = version
    return { version, events: [], metrics: [], folders, release: () => released.push(of) }
  })
  assert.equal(await live.refresh(), false)
  assert.deepEqual(released, ['1'], 'what was only looked at')
  version = '2'
  assert.equal(await live.refresh(), true)
  assert.deepEqual(released, ['1', '1'])
  await live.close()
  assert.deepEqual(released, ['1', '1', '2'])
})

test('a file that expired before the query is answered by the new state', async () => {
  const old = await fixture.eventsFile('old.parquet', [{ id: 'o' }])
  const merged = await fixture.eventsFile('merged.parquet', [{ id: 'o' }])
  let files: LakeFiles = {
    version: '1',
    events: [old],
    metrics: [],
    folders: [join(fixture.path, 'data')],
  }
  const live = await fixture.query(() => files)
  files = { ...files, version: '2', events: [merged] }
  await rm(old)
  assert.deepEqual(await run('SELECT event_id FROM campaign_events', live), [['o']])
})

test('a file that is gone while the tables stay is lost: the error says what to do', async () => {
  const file = await fixture.eventsFile('gone.parquet', [{ id: 'g' }])
  const live = await fixture.query({ events: [file] })
  await rename(file, `${file}.away`)
  await assert.rejects(run('SELECT * FROM campaign_events', live), {
    code: 'file-lost',
    canRetry: false,
    message: /gone\.parquet.*: restore it from a backup/,
  })
})

test('files of the tables that are gone or damaged are named, on one line', async () => {
  const read = async (file: string) =>
    await run('SELECT * FROM campaign_events', await fixture.query({ events: [file] }))
  await assert.rejects(read(join(fixture.path, 'data/never.parquet')), {
    code: 'file-lost',
    message: /never\.parquet/,
  })
  const damaged = await fixture.eventsFile('cut.parquet', [{ id: 'c' }])
  for (const bytes of [0, 3, 200]) {
    await truncate(damaged, bytes)
    await assert.rejects(read(damaged), (error: Error) => {
      assert.match(
        error.message,
        /^a file of the tables cannot be read \(.*cut\.parquet.*\): .*backup$/,
      )
      return true
    })
  }
})

test('a closed room refuses to run', async () => {
  const closing = await fixture.query({})
  await closing.close()
  await assert.rejects(closing.runSql('SELECT 1'), { code: 'closed' })
})
