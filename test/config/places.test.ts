/**
 * Services in the configuration file: Kafka, S3, PostgreSQL, Flink, Trino and Superset, and the
 * mixes that make no sense.
 */

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Config, ConfigError, loadConfig, writeKeysFile } from '../../src/config.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const FOLDER = makeScratchFolder('places')
const FILE = join(FOLDER, 'campaign-metrics.yaml')

function load(text: string, environment: Record<string, string> = {}): Config {
  writeFileSync(FILE, text)
  return loadConfig(FILE, environment)
}

function refusal(text: string): string {
  try {
    load(text)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message
  }
  assert.fail(`was taken: ${text}`)
}

const FLINK = "gateway: 'http://sql-gateway:8083', rest: 'http://jobmanager:8081/'"
const DISTRIBUTED = `
log: kafka://kafka:9092,kafka2:9093/campaign_events
warehouse: s3://lake/warehouse/
s3: { endpoint: 'http://s3:7070', region: eu-central-1, pathStyle: true }
catalog: postgresql://iceberg:se%40cret@postgres/iceberg
engine: flink
flink: { ${FLINK}, rejectedDirectory: /rejected }
trino: { url: 'http://trino:8080' }
superset: { url: 'http://superset:8088' }
`

test('the distributed side is a few lines of the same file', () => {
  const config = load(DISTRIBUTED)
  assert.deepEqual(config.log, {
    kind: 'kafka',
    brokers: ['kafka:9092', 'kafka2:9093'],
    topic: 'campaign_events',
    partitions: 4,
    replication: 1,
    tls: null,
    sasl: null,
  })
  assert.deepEqual(config.warehouse, {
    kind: 's3',
    location: 's3://lake/warehouse',
    endpoint: 'http://s3:7070',
    region: 'eu-central-1',
    pathStyle: true,
  })
  assert.deepEqual(config.catalog, {
    kind: 'postgresql',
    host: 'postgres',
    port: 5432,
    database: 'iceberg',
    user: 'iceberg',
    password: 'se@cret',
    tls: false,
  })
  assert.equal(config.engine, 'flink')
  assert.deepEqual(config.flink, {
    gateway: 'http://sql-gateway:8083',
    rest: 'http://jobmanager:8081',
    parallelism: 2,
    checkpointIntervalMs: 5000,
    watermarkDelayMs: 10_000,
    idleTimeoutMs: 10_000,
    stateBackend: 'rocksdb',
    rejectedDirectory: '/rejected',
  })
  assert.deepEqual(config.trino, {
    url: 'http://trino:8080',
    user: 'campaign-metrics',
    password: null,
    catalog: 'lake',
  })
  assert.deepEqual(config.superset, {
    url: 'http://superset:8088',
    user: 'admin',
    password: 'admin',
    trinoUrl: 'http://trino:8080',
    publicUrl: 'http://superset:8088',
  })
  assert.equal(config.rejectedDirectory, join(FOLDER, 'data/rejected'))
})

test('each part stands on its own: the embedded engine on Kafka, on S3, or on both', () => {
  assert.equal(load('log: kafka://k:1/t').warehouse.kind, 'folder')
  assert.equal(load('warehouse: s3://lake').catalog.kind, 'sqlite')
  assert.equal(load('log: kafka://k:1\nwarehouse: s3://lake/a/b').engine, 'embedded')
})

test('the topic is campaign_events where none is named', () => {
  for (const text of ['log: kafka://k:9092', 'log: kafka://k:9092/']) {
    const { log } = load(text)
    assert.equal(log.kind === 'kafka' && log.topic, 'campaign_events')
  }
})

test('Kafka with encryption and a password', () => {
  const { log } = load(
    'log: kafka://[::1]:9092/t\n' +
      'kafka: { tls: true, caFile: ca.pem, sasl: scram-sha-512, username: u, ' +
      'password: "${KAFKA_PASSWORD}" }',
    { KAFKA_PASSWORD: 'p' },
  )
  assert.ok(log.kind === 'kafka')
  assert.deepEqual(log.brokers, ['[::1]:9092'])
  assert.deepEqual(log.tls, { caFile: join(FOLDER, 'ca.pem'), certFile: null, keyFile: null })
  assert.deepEqual(log.sasl, { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' })
})

test('the password of PostgreSQL may come from where its clients look for it', () => {
  const { catalog } = load('catalog: postgres://u@db:5433/iceberg?sslmode=require', {
    PGPASSWORD: 'from outside',
  })
  assert.deepEqual(catalog, {
    kind: 'postgresql',
    host: 'db',
    port: 5433,
    database: 'iceberg',
    user: 'u',
    password: 'from outside',
    tls: true,
  })
})

test('a place that cannot be is refused in its own words', () => {
  const reasons: readonly (readonly [string, RegExp])[] = [
    ['log: ftp://host/x', /`ftp:\/\/` cannot hold the log; accepted: .*kafka:\/\//],
    ['log: kafka://host/x', /"host" is not `host:port` of a broker/],
    ['log: kafka://host:9092/a b', /"a b" is not the name of a topic/],
    ['log: kafka://host:9092/a/b', /"a\/b" is not the name of a topic/],
    ['warehouse: s3a://lake/x', /`s3a:\/\/` cannot hold the tables \(write `s3:\/\/`\)/],
    ['warehouse: s3://Lake/x', /"Lake" is not the name of a bucket/],
    ['warehouse: s3://lake/a/../b', /is not a prefix that every reader/],
    ['warehouse: s3://lake/a*b', /is not a prefix that every reader/],
    ['catalog: mysql://db/x', /`mysql:\/\/` cannot hold the catalog/],
    ['catalog: postgresql://db/x', /needs a user, a host and a database/],
    [
      'catalog: postgresql://u@db/x?sslmode=maybe',
      /sslmode "maybe" is not one of disable, require/,
    ],
    ['catalog: postgresql://u@db/x?options=a', /unknown parameter "options"/],
    ['trino: { url: trino:8080 }', /trino\.url: "trino:8080" does not begin with http/],
    ['trino: { url: "http://u:p@t:1" }', /credentials do not belong into the URL/],
    ['engine: spark', /"spark" is unknown; accepted: `embedded` or `flink`/],
    ['kafka: { partitions: 0 }', /0 is out of range; accepted: a whole number from 1/],
    ['kafka: { sasl: PLAIN }', /PLAIN needs `username` and `password`/],
    ['kafka: { certFile: c.pem, tls: true }', /set `certFile` and `keyFile`/],
    ['kafka: { caFile: c.pem }', /kafka\.tls: files are given, so set it to `true`/],
    ['superset: { url: "http://s:1" }', /Superset asks Trino: set `trino\.url`/],
  ]
  for (const [text, reason] of reasons) assert.match(refusal(text), reason, text)
})

test('no message repeats a password', () => {
  for (const text of [
    'catalog: postgresql://u:sesame@db:port/x',
    'catalog: postgresql://u:sesame@db/x?sslmode=no',
    'catalog: mysql://u:sesame@db/x',
    'trino: { url: "ftp://u:sesame@t" }',
    'superset: { password: [sesame] }',
    'kafka: { password: ["sesame"] }',
  ]) {
    assert.ok(!refusal(text).includes('sesame'), refusal(text))
  }
})

test('Flink as the engine needs services for all it touches, and every lack is reported', () => {
  const message = refusal('engine: flink')
  for (const [path, what] of [
    ['log', 'a topic of Kafka'],
    ['warehouse', 'tables on S3'],
    ['catalog', 'PostgreSQL'],
    ['flink.gateway', 'the address of the SQL Gateway'],
    ['flink.rest', 'the address of the JobManager'],
    ['trino.url', 'Trino'],
  ] as const) {
    assert.ok(message.includes(`${path}: \`engine: flink\` needs ${what}`), message)
  }
})

test('keys of a file that setup made are keys; a file that is not there yet holds none', () => {
  const text = 'listen: 0.0.0.0:8089\nkeys: { file: keys.yaml }'
  const file = join(FOLDER, 'keys.yaml')
  assert.deepEqual(load(text).keys, { write: [], read: [], tables: [], page: [], file })
  writeKeysFile(file, { write: ['a'.repeat(32)], read: ['b'.repeat(32)] })
  const made = { write: ['a'.repeat(32)], read: ['b'.repeat(32)], tables: [], page: [], file }
  assert.deepEqual(load(text).keys, made)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.throws(() => writeKeysFile(file, { write: [], read: [] }), { code: 'EEXIST' })
  writeFileSync(file, `tables: [${'c'.repeat(32)}]\npage: [${'d'.repeat(32)}]`)
  assert.deepEqual(load(text).keys.tables, ['c'.repeat(32)])
  assert.deepEqual(load(text).keys.page, ['d'.repeat(32)])
  writeFileSync(file, 'write: [short]')
  assert.match(refusal(text), /keys\.yaml: write: the 1\. key is too short/)
})

test('a file that setup did not make is not taken for one without keys', () => {
  const text = 'listen: 0.0.0.0:8089\nkeys: { file: keys.yaml }'
  const file = join(FOLDER, 'keys.yaml')
  for (const [content, reason] of [
    ['', /is not a file of keys/],
    ['hello', /is not a file of keys/],
    ['{"name": "another program", "version": "1.0.0"}', /is not a file of keys/],
    ['listen: 127.0.0.1:8088\nkeys: {}\n', /is not a file of keys/],
    ['write: *x', /is not a file of keys/],
    ['\0\u0001binary', /is not a file of keys/],
    ['write: []\nread: []\n', /holds no key/],
    ['write: key', /write: not a list/],
    ['#'.repeat(300_000), /more than 262144 bytes/],
  ] as const) {
    writeFileSync(file, content)
    const message = refusal(text)
    assert.match(message, reason, content.slice(0, 40))
    assert.match(message, /^\S*keys\.yaml: /)
    assert.doesNotMatch(message, /does not exist/)
  }
  rmSync(file)
  mkdirSync(file)
  assert.match(refusal(text), /keys\.yaml: cannot be read: EISDIR/)
  rmSync(file, { recursive: true })
})
