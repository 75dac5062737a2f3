import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REJECTION_REASONS } from '../../../src/event.ts'
import { type FlinkJobOptions, jobNamePrefix, makeJobSql } from '../../../src/flink/job/job-sql.ts'

const OPTIONS: FlinkJobOptions = {
  kafka: {
    brokers: ['k1:9092', 'k2:9092'],
    topic: 'campaign_events',
    tls: null,
    sasl: { mechanism: 'SCRAM-SHA-256', username: 'u', password: 'kafka"secret' },
  },
  warehouse: { location: 's3://lake/w', endpoint: null, region: 'eu-west-1', pathStyle: false },
  catalog: {
    host: 'pg',
    port: 5432,
    database: 'iceberg',
    user: 'i',
    password: 'pg-secret',
    tls: true,
  },
  parallelism: 2,
  checkpointIntervalMs: 5_000,
  watermarkDelayMs: 10_500,
  idleTimeoutMs: 3_000,
  dedupeHorizonMs: 3_600_000,
  retention: { days: 0, sinceUs: 0, keptFromUs: 0 },
  windowUs: 300_000_000,
  stateBackend: 'rocksdb',
  rejectedDirectory: '/var/lib/rejected records',
}

test('the settings of the configuration stand in the statements', () => {
  const { statements, name } = makeJobSql(OPTIONS)
  const sql = statements.join('\n')
  for (const expected of [
    `SET 'pipeline.name' = '${name}'`,
    "SET 'parallelism.default' = '2'",
    "SET 'execution.checkpointing.interval' = '5000 ms'",
    "SET 'table.exec.state.ttl' = '7200000 ms'",
    "SET 'state.backend.type' = 'rocksdb'",
    "INTERVAL '10.500' SECOND(3, 3)",
    "INTERVAL '300' SECOND(5)",
    "'uri' = 'jdbc:postgresql://pg:5432/iceberg?sslmode=verify-full" +
      "&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory'",
    "'properties.bootstrap.servers' = 'k1:9092,k2:9092'",
    "'properties.security.protocol' = 'SASL_PLAINTEXT'",
    "'path' = 'file:///var/lib/rejected%20records'",
  ]) {
    assert.ok(sql.includes(expected), expected)
  }
  assert.ok(!sql.includes('s3.endpoint'), 'AWS itself has no endpoint')
  assert.ok(sql.includes('password="kafka\\"secret"'), 'escaped as JAAS wants it')
})

test('every setting stands before the job, and has its reason in the decisions', () => {
  const { statements } = makeJobSql(OPTIONS)
  const page = readFileSync('docs/decisions/flink-settings.md', 'utf8')
  const settings = statements.flatMap((one) => /^SET '([^']+)' = '/.exec(one)?.[1] ?? [])
  assert.ok(settings.length > 60, `only ${settings.length} settings seen`)
  const isNamed = (key: string): boolean =>
    page.includes(`\`${key}\``) || key.startsWith('restart-strategy.exponential-delay.')
  assert.deepEqual(
    settings.filter((key) => !isNamed(key)),
    ['pipeline.name'],
  )
  assert.ok(statements.slice(0, settings.length).every((one) => one.startsWith('SET ')))
})

test('both sources read committed records, find partitions soon, and stop at a gap', () => {
  const count = (sql: string, option: string): number => sql.split(option).length - 1
  const strict = makeJobSql(OPTIONS).statements.join('\n')
  const skipping = makeJobSql(OPTIONS, 'skip').statements.join('\n')
  for (const sql of [strict, skipping]) {
    assert.equal(count(sql, "'properties.isolation.level' = 'read_committed'"), 2)
    assert.equal(count(sql, "'scan.topic-partition-discovery.interval' = '10 s'"), 2)
  }
  assert.equal(count(strict, "'scan.startup.mode' = 'group-offsets'"), 2)
  assert.equal(count(strict, "'properties.auto.offset.reset' = 'none'"), 2)
  assert.equal(count(skipping, "'scan.startup.mode' = 'earliest-offset'"), 2)
  assert.equal(count(skipping, 'auto.offset.reset'), 0)
  assert.notEqual(makeJobSql(OPTIONS).name, makeJobSql(OPTIONS, 'skip').name)
})

test('an id is remembered by 16 bytes of its SHA-256, and stored as it is', () => {
  const sql = makeJobSql(OPTIONS).statements.at(-1) ?? ''
  const views = makeJobSql(OPTIONS).statements.join('\n')
  assert.match(views, /PARTITION BY UNHEX\(SUBSTRING\(SHA256\(event_id\), 1, 32\)\) ORDER BY/)
  assert.match(sql, /SELECT event_id, user_id/)
})

test('a heartbeat counts from its arrival, and has no reason', () => {
  const sql = makeJobSql(OPTIONS).statements.join('\n')
  const isHeartbeat = "event_id IS NULL AND event_type = 'campaign-metrics/heartbeat'"
  assert.ok(sql.includes(`WHEN ${isHeartbeat} THEN arrived\n`))
  assert.ok(sql.includes(`CASE\n    WHEN ${isHeartbeat} THEN CAST(NULL AS STRING)`))
})

test('every reason that the job gives is one of the closed list', () => {
  const sql = makeJobSql(OPTIONS).statements.join('\n')
  const given = new Set([...sql.matchAll(/THEN '([a-z0-9-]+)'/g)].map(([, code]) => code))
  const known = new Set<string | undefined>(REJECTION_REASONS.map(({ code }) => code))
  assert.ok(given.size > 15, `only ${given.size} reasons seen`)
  assert.deepEqual(
    [...given].filter((code) => !known.has(code)),
    [],
  )
})

test('the job is one statement set, and the last statement', () => {
  const { statements } = makeJobSql(OPTIONS)
  assert.deepEqual(
    statements.map((one) => one.startsWith('EXECUTE STATEMENT SET')).indexOf(true),
    statements.length - 1,
  )
  assert.equal((statements.at(-1) ?? '').match(/^INSERT INTO/gm)?.length, 3)
  assert.ok(!statements.some((one) => /CREATE TABLE/.test(one)), 'the tables are made by setup')
})

test('the name tells a changed job, and no password', () => {
  const { name, fingerprint } = makeJobSql(OPTIONS)
  assert.equal(name, `${jobNamePrefix(OPTIONS)}${fingerprint}`)
  const { catalog, kafka } = OPTIONS
  const changed = (more: Partial<FlinkJobOptions>): string =>
    makeJobSql({ ...OPTIONS, ...more }).name
  assert.equal(changed({ catalog: { ...catalog, password: 'other' } }), name)
  assert.equal(
    changed({
      kafka: { ...kafka, sasl: { mechanism: 'SCRAM-SHA-256', username: 'u', password: '' } },
    }),
    name,
  )
  assert.notEqual(changed({ watermarkDelayMs: 10_000 }), name)
  assert.ok(changed({ watermarkDelayMs: 10_000 }).startsWith(jobNamePrefix(OPTIONS)))
  assert.ok(!changed({ kafka: { ...kafka, topic: 'other' } }).startsWith(jobNamePrefix(OPTIONS)))
})

const SINCE_US = Date.UTC(2026, 10, 22, 12, 30, 15, 250) * 1000
const KEPT_FROM_US = Date.UTC(2026, 7, 24) * 1000

/** The conditions of the two rules of the retention. */
function retentionRules(days: number): readonly string[] {
  const retention = { days, sinceUs: SINCE_US, keptFromUs: KEPT_FROM_US }
  const sql = makeJobSql({ ...OPTIONS, retention }).statements.join('\n')
  const rules = sql.matchAll(/WHEN ((?:(?!WHEN).)*?)\s+THEN 'timestamp-retention'/gs)
  return [...rules].flatMap(([, rule = '']) => rule.split(/\s+AND /))
}

test('the rules hold the retention: which days had gone, since when, with a day to spare', () => {
  assert.deepEqual(retentionRules(90), [
    "`timestamp` < '2026-08-26'",
    "rowtime < TIMESTAMP '2026-08-24 00:00:00.000'",
    "arrived >= TIMESTAMP '2026-11-22 12:30:15.250'",
    "TIMESTAMPDIFF(DAY, rowtime, arrived) >= CAST('91' AS INT)",
    "TIMESTAMPDIFF(DAY, FLOOR(rowtime TO DAY), FLOOR(arrived TO DAY)) > CAST('91' AS INT)",
  ])
  assert.equal(retentionRules(0)[2], "arrived >= TIMESTAMP '9999-12-31 00:00:00.000'")
})

test('the name tells another retention, but not since when it holds nor what had gone', () => {
  const named = (retention: FlinkJobOptions['retention']): string =>
    makeJobSql({ ...OPTIONS, retention }).name
  const first = named({ days: 90, sinceUs: SINCE_US, keptFromUs: KEPT_FROM_US })
  assert.equal(named({ days: 90, sinceUs: SINCE_US + 1_000_000, keptFromUs: KEPT_FROM_US }), first)
  assert.equal(named({ days: 90, sinceUs: SINCE_US, keptFromUs: 0 }), first)
  assert.notEqual(named({ days: 91, sinceUs: SINCE_US, keptFromUs: KEPT_FROM_US }), first)
  assert.notEqual(named({ days: 0, sinceUs: SINCE_US, keptFromUs: KEPT_FROM_US }), first)
})

test('a job whose state was rebuilt leaves out what is stored, by the same name', () => {
  const rebuilt = { storedUntil: [70, 0, 12], closedUntilUs: Date.UTC(2026, 10, 22, 12, 30) * 1000 }
  const { statements, name } = makeJobSql({ ...OPTIONS, rebuilt })
  const sql = statements.join('\n')
  assert.ok(sql.includes("SPLIT_INDEX('70,0,12', ',', `partition`)"))
  assert.ok(sql.includes("window_end > TIMESTAMP '2026-11-22 12:30:00.000'"))
  assert.equal(name, makeJobSql(OPTIONS).name)
  assert.ok(makeJobSql(OPTIONS).statements.join('\n').includes("WHEN '' = '' THEN FALSE"))
})
