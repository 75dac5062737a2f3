/**
 * The configuration file as its user meets it: what is read, what is refused, and in which words.
 */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Config,
  ConfigError,
  configurationPage,
  exampleFile,
  loadConfig,
  parseSize,
} from '../../src/config.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const FOLDER = makeScratchFolder('config')
const FILE = join(FOLDER, 'campaign-metrics.yaml')
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const GIB = 1_073_741_824

function load(text: string, environment: Record<string, string> = {}): Config {
  writeFileSync(FILE, text)
  return loadConfig(FILE, environment)
}

/** The error's message without the folder. */
function refusal(text: string, environment: Record<string, string> = {}): string {
  try {
    load(text, environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message.replaceAll(FOLDER, '')
  }
  assert.fail(`was taken: ${text}`)
}

test('an empty file gives the defaults, with paths in the folder of the file', () => {
  assert.deepEqual(load(''), {
    file: FILE,
    listen: { host: '127.0.0.1', port: 8088 },
    log: { kind: 'folder', path: join(FOLDER, 'data/log') },
    warehouse: { kind: 'folder', path: join(FOLDER, 'data/warehouse') },
    rejectedDirectory: join(FOLDER, 'data/warehouse/rejected'),
    catalog: { kind: 'sqlite', path: join(FOLDER, 'data/catalog.db') },
    engine: 'embedded',
    flink: null,
    trino: null,
    superset: null,
    windowUs: 300_000_000,
    timezone: 'UTC',
    weekStart: null,
    currency: null,
    campaignNames: null,
    commitIntervalMs: 1000,
    dedupe: { horizonMs: HOUR_MS, memoryMaxBytes: GIB },
    keys: { write: [], read: [], tables: [], page: [], file: null },
    page: { conversions: false, keyRate: 10_000, addressRate: 200 },
    bots: 'reject',
    cors: [],
    redirects: [],
    retention: { eventsMs: 0, metricsMs: 0, readersMs: 3_600_000, readersMaxBytes: 4 * GIB },
    publicUrl: null,
    proxy: { trust: [] },
    logRetention: { timeMs: 0, sizeBytes: 8 * GIB },
    diskReserveBytes: GIB,
    rejectedMaxBytes: 268_435_456,
    cache: { directory: join(FOLDER, 'data/cache'), sizeBytes: 8 * GIB },
  } satisfies Config)
})

test('without any file the defaults hold, with paths in the working folder', () => {
  const config = loadConfig(undefined, {})
  assert.equal(config.file, null)
  assert.deepEqual(config.catalog, { kind: 'sqlite', path: join(process.cwd(), 'data/catalog.db') })
})

test('every setting is read', () => {
  const config = load(`
listen: '[::1]:0'
log: /var/log-of-events
warehouse: ../tables
catalog: catalog.db
window: 15m
timezone: Europe/Berlin
weekStart: Sunday
currency: eur
campaignNames: ./lists/campaigns.csv
commitInterval: 250ms
dedupe: { horizon: 90m, memoryMax: 512MiB }
keys: { write: [0123456789abcdef], read: [fedcba9876543210] }
bots: accept
cors: ['HTTPS://Shop.Example:443', '*']
redirects: ['HTTPS://Shop.Example:443', 'http://localhost:8080']
publicUrl: HTTPS://Example.org/campaigns/
proxy: { trust: [127.0.0.1, 10.0.0.0/8, 'fd00::/8', '::1', '::ffff:192.0.2.1'] }
retention: { events: 0, metrics: 365d, readers: 0, readersMax: 64MiB }
logRetention: { time: 0, size: 256MiB }
diskReserve: 10GB
rejectedMax: 0
`)
  assert.deepEqual(config.listen, { host: '::1', port: 0 })
  assert.deepEqual(config.log, { kind: 'folder', path: '/var/log-of-events' })
  assert.deepEqual(config.warehouse, { kind: 'folder', path: join(FOLDER, '../tables') })
  assert.deepEqual(config.catalog, { kind: 'sqlite', path: join(FOLDER, 'catalog.db') })
  assert.equal(config.windowUs, 900_000_000)
  assert.equal(config.timezone, 'Europe/Berlin')
  assert.equal(config.weekStart, 7)
  assert.equal(config.currency, 'EUR')
  assert.equal(config.campaignNames, join(FOLDER, 'lists/campaigns.csv'))
  assert.equal(config.commitIntervalMs, 250)
  assert.deepEqual(config.dedupe, { horizonMs: 90 * MINUTE_MS, memoryMaxBytes: GIB / 2 })
  const [write, read] = ['0123456789abcdef', 'fedcba9876543210']
  assert.deepEqual(config.keys, { write: [write], read: [read], tables: [], page: [], file: null })
  assert.equal(config.bots, 'accept')
  assert.deepEqual(config.cors, ['https://shop.example', '*'])
  assert.deepEqual(config.redirects, ['https://shop.example', 'http://localhost:8080'])
  assert.equal(config.publicUrl, 'https://example.org/campaigns')
  assert.deepEqual(config.proxy.trust, [
    { address: '127.0.0.1', prefix: 32, family: 'ipv4' },
    { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
    { address: 'fd00::', prefix: 8, family: 'ipv6' },
    { address: '::1', prefix: 128, family: 'ipv6' },
    { address: '::ffff:192.0.2.1', prefix: 128, family: 'ipv6' },
  ])
  assert.deepEqual(config.retention, {
    ...{ eventsMs: 0, metricsMs: 365 * 24 * HOUR_MS },
    ...{ readersMs: 0, readersMaxBytes: GIB / 16 },
  })
  assert.deepEqual(config.logRetention, { timeMs: 0, sizeBytes: GIB / 4 })
  assert.equal(config.diskReserveBytes, 10_000_000_000)
  assert.equal(config.rejectedMaxBytes, 0)
})

test('an empty value means the default, as if the line was not there', () => {
  assert.equal(load('window:\ndedupe:\nkeys:\n  write:\n').windowUs, 300_000_000)
})

test('all faults are reported at once, in file order: line, path, reason, what is accepted', () => {
  const message = refusal(`# a comment
lisen: 127.0.0.1:1
window: 7m
dedupe:
  horizonn: 1h
  memoryMax: 5 bananas
retention: 5
`)
  assert.deepEqual(message.split('\n'), [
    '/campaign-metrics.yaml: 5 settings are wrong',
    '  line 2: lisen: unknown setting; did you mean `listen`? accepted here: listen, log, kafka, ' +
      'warehouse, s3, catalog, rejected, engine, flink, trino, superset, window, timezone, ' +
      'weekStart, currency, campaignNames, commitInterval, dedupe, keys, page, bots, cors, ' +
      'redirects, publicUrl, proxy, retention, logRetention, diskReserve, rejectedMax, cache',
    '  line 3: window: 7m does not divide a day; accepted: a duration from `1s` to `1d` that ' +
      'divides a day, such as `1m`, `5m`, `15m` or `1h`',
    '  line 5: dedupe.horizonn: unknown setting; did you mean `horizon`? accepted here: ' +
      'horizon, memoryMax',
    '  line 6: dedupe.memoryMax: "5 bananas" is not a size; ' +
      'accepted: a size from `1MiB` to `64GiB`',
    '  line 7: retention: not a group of settings, one a line below it; accepted: events, ' +
      'metrics, readers, readersMax',
  ])
})

test('a single fault is one line that an editor can jump to', () => {
  assert.equal(
    refusal('\ntimezone: Mars/Olympus\n'),
    '/campaign-metrics.yaml:2: timezone: "Mars/Olympus" is not a known time zone; accepted: ' +
      'the name of a time zone, such as `UTC` or `Europe/Berlin`',
  )
})

test('what is wrong with a value is said in its own words', () => {
  const reasons: readonly (readonly [string, RegExp])[] = [
    ['listen: 8088', /8088 is not an address with a port/],
    ['listen: 127.0.0.1:70000', /is not an address with a port/],
    ['listen: 1.2.3:80', /is not an address with a port/],
    ['commitInterval: 1', /1 is not a duration \(the unit is missing\)/],
    ['commitInterval: 5ms', /5ms is shorter than 100ms/],
    ['commitInterval: -1s', /"-1s" is not a duration/],
    ['window: 2d', /2d is longer than 1d/],
    ['window: 0', /0 is shorter than 1s/],
    ['dedupe: { horizon: 1 week }', /"1 week" is not a duration/],
    ['dedupe: { memoryMax: 1KiB }', /1KiB is less than 1MiB/],
    ['retention: { events: 1h }', /1h is shorter than 1d/],
    ['log: ""', /"" is not a path/],
    ['log: [a]', /\["a"\] is not a path/],
    ['cors: https://a.example', /is not a list/],
    ['cors: [https://a.example/path]', /is not an origin/],
    ['cors: [ftp://a.example]', /is not an origin/],
    ['bots: allow', /accepted: `reject` or `accept`/],
    ["redirects: ['*']", /is not an origin/],
    ['redirects: [https://a.example/path]', /is not an origin/],
    ['publicUrl: example.org', /publicUrl: not a URL; accepted: a URL such as/],
    ['publicUrl: https://example.org/?a=b', /has a query/],
    ['proxy: { trust: 127.0.0.1 }', /is not a list/],
    ['proxy: { trust: [10.0.0.0/33] }', /"10\.0\.0\.0\/33" is neither an address nor a range/],
    ['proxy: { trust: ["::1/129"] }', /neither an address nor a range/],
    ['proxy: { trust: [10.0.0] }', /neither an address nor a range/],
    ['proxy: { trust: [proxy.example] }', /neither an address nor a range/],
    ['proxy: { trust: [7] }', /7 is neither an address nor a range/],
    ['proxy: [127.0.0.1]', /not a group of settings/],
    ['[1, 2]', /accepted/],
    ['just text', /accepted/],
  ]
  for (const [text, reason] of reasons) assert.match(refusal(text), reason, text)
})

test('text that is not YAML is refused with its line, and so is a setting given twice', () => {
  assert.match(refusal('window: 5m\nlog: [a\n'), /^\/campaign-metrics\.yaml:\d+: not YAML: /)
  assert.match(
    refusal('window: 5m\nwindow: 1m\n'),
    /^\/campaign-metrics\.yaml:2: not YAML: .*unique/,
  )
})

test('YAML is refused with its line: bad, circular, too many aliases; several documents', () => {
  const bomb = [...'bcdefghi'].reduce(
    (text, name, at) => `${text}${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}]\n`,
    'a: &a [x]\n',
  )
  for (const [text, line, reason] of [
    ['window: 5m\nlog: *x\n', 2, /\*x names nothing/],
    ['<<: *nope\n', 1, /\*nope names nothing/],
    ['keys:\n  write: [*a]\n', 2, /\*a names nothing/],
    ['window: 5m\nlog: &l [*l]\n', 2, /\*l stands inside of what it names/],
    ['keys: &k\n  write: *k\n', 2, /\*k stands inside/],
    [bomb, null, /alias/],
    ['window: 5m\n---\nlog: ./x\n', 2, /second document/],
    ['retention:\n\tevents: 1d\n', 2, /[Tt]abs/],
  ] as const) {
    const message = refusal(text)
    const at = line === null ? '' : `:${line}`
    assert.ok(message.startsWith(`/campaign-metrics.yaml${at}: not YAML: `), message)
    assert.match(message, reason)
  }
  assert.equal(load('window: &w 1m\ncommitInterval: *w\n').windowUs, 60_000_000, 'others are taken')
  assert.match(refusal('window: 1e999'), /Infinity is not a duration/)
})

test('a time zone keeps the name it was given, in its proper case', () => {
  assert.equal(load('timezone: Asia/Kolkata').timezone, 'Asia/Kolkata')
  assert.equal(load('timezone: europe/berlin').timezone, 'Europe/Berlin')
  assert.equal(load('timezone: UTC').timezone, 'UTC')
})

test('YAML is 1.2: no, on and 1:30 are texts', () => {
  assert.match(refusal('timezone: no'), /"no" is not a known time zone/)
})

test('${NAME} is replaced from the environment, anywhere in a value, never as structure', () => {
  const config = load('log: "${HOME_OF_LOG}/log"\nkeys: { write: ["${KEY}"] }', {
    HOME_OF_LOG: '/var',
    KEY: 'key: [a, b] 012345'.replaceAll(' ', '_'),
  })
  assert.deepEqual(config.log, { kind: 'folder', path: '/var/log' })
  assert.deepEqual(config.keys.write, ['key:_[a,_b]_012345'])
})

test('$${ stands for a plain ${', () => {
  assert.deepEqual(load('log: "/a/$${b}"').log, { kind: 'folder', path: '/a/${b}' })
})

test('a variable that is missing, empty or misspelt is one fault, with its path', () => {
  assert.equal(
    refusal('keys:\n  write: ["0123456789abcdef", "${NOT_SET}"]'),
    '/campaign-metrics.yaml:2: keys.write[1]: the environment variable NOT_SET is not set; ' +
      'set it before starting',
  )
  assert.match(
    refusal('log: "${EMPTY}"', { EMPTY: '' }),
    /log: the environment variable EMPTY is empty/,
  )
  assert.match(
    refusal('log: "${a-b}"'),
    /log: `\$\{a-b\}` is not \$\{NAME\} of an environment variable/,
  )
  assert.match(refusal('log: "${open"'), /write `\$\$\{` for a plain `\$\{`/)
})

test('a key is never repeated in a message', () => {
  const secrets = ['short-secret', 'secret with spaces in it', 's'.repeat(300)]
  for (const secret of secrets) {
    const message = refusal(`keys: { write: ["${secret}"] }`)
    assert.match(message, /keys\.write: the 1\. key/)
    assert.ok(!message.includes(secret), message)
  }
  assert.ok(!refusal('keys: my-own-secret-key').includes('my-own'))
})

test('listening elsewhere than on loopback needs both kinds of keys', () => {
  for (const host of ['0.0.0.0', '192.168.1.5', '[::]', 'metrics.example']) {
    const message = refusal(`listen: '${host}:8088'`)
    assert.match(message, /keys\.write: listening on .*needs at least one write key/)
    assert.match(message, /keys\.read: listening on .*needs at least one read key/)
  }
  const keys = 'keys: { write: [0123456789abcdef], read: [fedcba9876543210] }'
  assert.equal(load(`listen: 0.0.0.0:8088\n${keys}`).listen.host, '0.0.0.0')
  for (const host of ['127.0.0.1', '127.1.2.3', '[::1]', 'localhost']) load(`listen: '${host}:1'`)
})

test('checks across settings speak beside other faults', () => {
  const message = refusal('window: 7m\nlisten: 0.0.0.0:1')
  assert.match(message, /window: 7m does not divide/)
  assert.match(message, /needs at least one write key/)
})

test('a key cannot be for writing and for reading', () => {
  const key = '[0123456789abcdef]'
  assert.match(refusal(`keys: { write: ${key}, read: ${key} }`), /both `write` and `read`/)
  assert.match(refusal(`keys: { write: ${key}, tables: ${key} }`), /both `write` and `tables`/)
  for (const kind of ['write', 'read', 'tables']) {
    const message = refusal(`keys: { ${kind}: ${key}, page: ${key} }`)
    assert.match(message, /both `page` and/)
  }
})

test('log and tables may not lie in each other, the catalog may lie beside the tables', () => {
  assert.match(refusal('log: ./data\nwarehouse: ./data'), /warehouse: \/data lies in `log`/)
  assert.match(refusal('warehouse: ./data'), /log: \/data\/log lies in `warehouse` \(\/data\)/)
  assert.match(refusal('log: ./data'), /catalog: \/data\/catalog\.db lies in `log`/)
  load('log: ./data-log\nwarehouse: ./data\ncatalog: ./data/catalog.db')
})

test('events must stay longer than their ids are remembered', () => {
  assert.match(
    refusal('retention: { events: 1d }\ndedupe: { horizon: 1d }'),
    /retention\.events: shorter than twice `dedupe\.horizon`/,
  )
})

test('a file that is not there is said when it was asked for', () => {
  assert.throws(() => loadConfig(join(FOLDER, 'missing.yaml'), {}), {
    name: 'ConfigError',
    code: 'missing',
    message: /missing\.yaml: there is no such file/,
  })
  assert.throws(() => loadConfig(FOLDER, {}), { code: 'unreadable' })
})

test('sizes are powers of two with an i and of ten without', () => {
  const sizes: readonly (readonly [string, number | undefined])[] = [
    ['1KiB', 1024],
    ['1kb', 1000],
    ['1.5 MiB', 1_572_864],
    ['7', 7],
    ['2TB', 2e12],
    ['1e3', undefined],
    ['-1MiB', undefined],
    ['MiB', undefined],
    ['1 MiB MiB', undefined],
  ]
  for (const [text, bytes] of sizes) assert.equal(parseSize(text), bytes, text)
})

test('the example of the documentation is a configuration, with all settings in it', () => {
  const environment = {
    CAMPAIGN_METRICS_WRITE_KEY: '0123456789abcdef',
    CAMPAIGN_METRICS_READ_KEY: 'fedcba9876543210',
    CAMPAIGN_METRICS_TABLES_KEY: '0123456789fedcba',
    CAMPAIGN_METRICS_PAGE_KEY: 'fedcba9801234567',
  }
  const config = load(exampleFile(), environment)
  const defaults = load('')
  assert.deepEqual(
    { ...config, keys: defaults.keys, cors: defaults.cors, redirects: [] },
    defaults,
    'apart from keys and origins the example shows the defaults',
  )
  assert.deepEqual(config.keys.write, ['0123456789abcdef'])
})

test('docs/configuration.md is current', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  assert.equal(page, configurationPage(), '`npm run docs` writes it anew')
})
