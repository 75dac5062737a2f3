/** `send` of JSON, CSV, TSV and Parquet: what a record becomes, and what is refused. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { rfc3339Of, type TimeFormat } from '../../src/cli/event-files/event-time.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { openFakeCollector, takeAllButBad } from './support/fake-collector.ts'
import { runInside } from './support/terminal.ts'

const FOLDER = makeScratchFolder('send-files')
const TIME = { nowMs: 0, dedupeHorizonMs: 3_600_000 }

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name)
  writeFileSync(path, content)
  return path
}

async function send(...words: readonly string[]) {
  const { url, requests, reads, close } = await openFakeCollector(takeAllButBad, TIME)
  const ran = await runInside(['send', ...words, '--url', url])
  await close()
  return { ...ran, reads, lines: requests.flatMap(({ lines }) => lines) }
}

const MAPPED = [
  ...['--map', 'event_id=order no', '--map', 'timestamp=zeit', '--map', 'user_id=kunde'],
  ...['--map', 'revenue=betrag', '--set', 'event_type=conversion', '--set', 'campaign_id=spring'],
]

test('a row of CSV is an event: ids stay text, revenue a number, empty cells absent', async () => {
  const csv =
    '\ufefforder no;kunde;zeit;betrag;country;note\r\n' +
    '007;"a ""b"";\r\nc";1735689600123;49.90;;"x\r\ny"\r\n' +
    '\r\n' +
    '1e3;u;1735689600000;+.5;DE;\r\n'
  const expected = [
    '{"event_id":"007","user_id":"a \\"b\\";\\r\\nc","campaign_id":"spring",' +
      '"event_type":"conversion","timestamp":"2025-01-01T00:00:00.123000Z","revenue":49.90}',
    '{"event_id":"1e3","user_id":"u","campaign_id":"spring","event_type":"conversion",' +
      '"timestamp":"2025-01-01T00:00:00.000000Z","revenue":0.5,"country":"DE"}',
  ]
  const times = ['--time-format', 'epoch-ms']
  for (const file of [
    fileOf('a.csv', csv),
    fileOf('a.csv.gz', gzipSync(csv)),
    fileOf('a.csv.zst', zstdCompressSync(csv)),
    fileOf('a.tsv', csv.replaceAll(';', '\t').replace('""\t', '"";')),
    fileOf('cr.csv', csv.replaceAll('\r\n', '\r').replace('\rc', '\r\nc')),
  ]) {
    const ran = await send(file, ...MAPPED, ...times)
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.deepEqual(ran.lines, expected, file)
  }
})

test('a JSON array is sent event by event, pretty-printed or not, as it was written', async () => {
  const events = [{ event_id: 'a', n: [1, '],{"'] }, { event_id: 'b\\"' }]
  for (const text of [
    JSON.stringify(events),
    JSON.stringify(events, null, 2),
    events.map((event) => JSON.stringify(event, null, 2)).join('\n'),
    events.map((event) => JSON.stringify(event)).join('\n'),
  ]) {
    const { lines, exitCode, stderr } = await send(fileOf('array.json', text))
    assert.equal(exitCode, 0, stderr)
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      events,
    )
  }
})

test('what is wrong in one element of an array leaves its neighbours alone', async () => {
  const file = fileOf('bad.json', '[\n{"event_id":"1"},\n{bad},,\n{"event_id":"x\ny"},\n{"n":2}]\n')
  const { lines, stderr, exitCode } = await send(file)
  assert.equal(exitCode, 1)
  assert.deepEqual(lines, ['{"event_id":"1"}', '{bad}', '{"event_id":"x\ty"}', '{"n":2}'])
  assert.ok(stderr.includes(`${file}:3: event_id: required`), stderr)
  assert.ok(stderr.includes(`${file}:3: nothing between two commas; not sent`), stderr)
})

test('numbers of JSON become text where --map names them, digit by digit', async () => {
  const line = '{"no":12345678901234567890,"at":1735689600.5,"sum":"1.10","country":5}'
  const { lines, stderr } = await send(
    fileOf('mapped.ndjson', `${line}\n\n${line.replace('{', '{"bad":,')}\n`),
    ...['--map', 'event_id=no', '--map', 'timestamp=at', '--map', 'revenue=sum'],
    ...['--time-format', 'epoch-s'],
  )
  assert.equal(
    lines[0],
    '{"event_id":"12345678901234567890","timestamp":"2025-01-01T00:00:00.500000Z",' +
      '"revenue":1.10,"country":5}',
  )
  assert.match(stderr, /mapped\.ndjson:3: event_id: required/)
})

test('--id-from gives the same row the same id, and another type of event another', async () => {
  const file = fileOf('ids.csv', 'order,item,user_id,timestamp\n1,23,u,x\n12,3,u,x\n,,u,x\n')
  const options = ['--id-from', 'order,item', '--set', 'campaign_id=c']
  const idsOf = async (type: string) =>
    (await send(file, ...options, '--set', `event_type=${type}`)).lines.map(
      (line) => (JSON.parse(line) as { event_id?: string }).event_id,
    )
  const clicks = await idsOf('click')
  // printf '["click","1","23"]' | sha256sum | cut -c 1-32
  assert.equal(clicks[0], SHA_OF_CLICK)
  assert.notEqual(clicks[0], clicks[1])
  assert.equal(clicks[2], undefined)
  assert.deepEqual(await idsOf('click'), clicks)
  assert.notEqual((await idsOf('conversion'))[0], clicks[0])
})

const SHA_OF_CLICK = '197c48d17e1507d3c41bdedc67346493'

test('times: zones stay, databases may print a space, epochs are exact', () => {
  const cases: readonly (readonly [string, TimeFormat, string | null])[] = [
    ['2025-01-02T03:04:05+01:00', 'iso', '2025-01-02T03:04:05+01:00'],
    ['2025-01-02 03:04:05.123456+00', 'iso', '2025-01-02T03:04:05.123456+00:00'],
    ['2025-01-02 03:04:05 UTC', 'iso', '2025-01-02T03:04:05Z'],
    ['2025-01-02 03:04', 'iso', '2025-01-02T03:04:00Z'],
    ['2025-01-02 03:04:05,5 -0330', 'iso', '2025-01-02T03:04:05.5-03:30'],
    ['2025-01-02', 'iso', null],
    ['2025-01-02', 'date', '2025-01-02T00:00:00Z'],
    ['02/01/2025 03:04', 'iso', null],
    ['1735689600', 'epoch-s', '2025-01-01T00:00:00.000000Z'],
    ['1735689600.1234567', 'epoch-s', '2025-01-01T00:00:00.123456Z'],
    ['1.735689600123E+12', 'epoch-ms', '2025-01-01T00:00:00.123000Z'],
    ['1735689600123456', 'epoch-us', '2025-01-01T00:00:00.123456Z'],
    ['1735689600123456789', 'epoch-ns', '2025-01-01T00:00:00.123456Z'],
    ['-1', 'epoch-us', '1969-12-31T23:59:59.999999Z'],
    ['99999999999999999999', 'epoch-s', null],
    ['soon', 'epoch-s', null],
  ]
  for (const [text, format, expected] of cases)
    assert.equal(rfc3339Of(text, format), expected, text)
})

test('files and options that cannot be meant are refused before anything is sent', async () => {
  const csv = fileOf('refused.csv', 'id,t\n1,2\n')
  const good = fileOf('good.ndjson', '{"event_id":"1"}\n')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[csv], /refused\.csv has no event_id: .*--map event_id=COLUMN.*--id-from.*has "id", "t"/],
    [[csv, '--map', 'event_id=id'], /no column for user_id, campaign_id, event_type, timestamp/],
    [[csv, '--map', 'event_id=order'], /has no column order\. It has "id", "t"/],
    [[good, csv, '--format', 'ndjson'], /does not look like ndjson: .*begins with "id,t"/],
    [[fileOf('array.ndjson', '[{}]')], /does not look like ndjson/],
    [[fileOf('book.xlsx', 'PK\u0003\u0004')], /does not look like ndjson.*save the sheet as CSV/],
    [
      [fileOf('wide-characters.csv', Buffer.from('\ufeffevent_id,t\n', 'utf16le'))],
      /-f UTF-16 -t UTF-8/,
    ],
    [[fileOf('lines.csv', '{"event_id":1}\n')], /does not look like csv/],
    [[fileOf('text.json', '"a"')], /does not look like json/],
    [[fileOf('no-id.json', '[{"user_id":"u"}]')], /has no event_id/],
    [[fileOf('no-id.ndjson', '{"user_id":"u"}\n')], /has no event_id/],
    [
      [fileOf('typo.json', '[{"order":"A","item":1}]'), '--id-from', 'order,itm'],
      /has no event_id/,
    ],
    [[fileOf('wide.csv', 'event_id,user_id,campaign_id,event_type,timestamp\n1,2\n')], /2 cells/],
    [[fileOf('no.parquet', 'event_id')], /cannot be read as Parquet/],
    [[fileOf('no.parquet.gz', 'x')], /Parquet is read from a file of its own/],
    [[good, '--format', 'xml'], /--format: "xml"; accepted: ndjson, json, csv/],
    [[good, '--map', 'id=a'], /--map: "id=a"; accepted: FIELD=COLUMN/],
    [[good, '--set', 'event_id=a'], /every event the same id/],
    [[good, '--set', 'user_id=a', '--map', 'user_id=b'], /named by both --map and --set/],
    [[good, '--map', 'event_id=a', '--id-from', 'b'], /exclude each other/],
    [[good, '--time-format', 'unix'], /--time-format: "unix"; accepted: iso, date, epoch-s/],
  ]
  for (const [words, message] of cases) {
    const { exitCode, stderr, lines } = await send(...words)
    assert.equal(exitCode, 2, stderr)
    assert.match(stderr, message)
    assert.deepEqual(lines, [])
  }
})

test('a row that does not fit is reported and not sent; a quote left open ends the file', async () => {
  const rows =
    'event_id,user_id,campaign_id,event_type,timestamp\n1,u,c,click,t\n2,u\n3,u,c,click,t\n'
  const { lines, stderr, exitCode } = await send(fileOf('open.csv', `${rows}4,u,c,click,"t\n`))
  assert.equal(exitCode, 2)
  assert.equal(lines.length, 2)
  assert.match(stderr, /open\.csv:3: 2 cells in a row, the header has 5; not sent/)
  assert.match(stderr, /cannot be read to its end: the quote that opens in the row of line 5/)
})

test('--dry-run judges by the rules of the collector and asks nobody', async () => {
  const good = '"user_id":"u","campaign_id":"c","event_type":"click"'
  const file = fileOf(
    'dry.ndjson',
    `{"event_id":"1",${good},"timestamp":"2025-01-01T00:00:00Z"}\n{"event_id":"2",${good}}\n`,
  )
  const ran = await runInside(['send', file, '--dry-run', '--url', 'http://127.0.0.1:9'])
  assert.equal(ran.exitCode, 1)
  assert.ok(ran.stderr.includes(`${file}:2: timestamp: required\n`), ran.stderr)
  assert.doesNotMatch(ran.stderr, /--time-format/)
  assert.match(ran.stderr, /Nothing was sent\. Of 2 events .* 1 would be accepted, 1 rejected/)
})

test('times that are written in another form are answered with the option that names it', async () => {
  const event = '"event_id":"1","user_id":"u","campaign_id":"c","event_type":"click"'
  const file = fileOf('odd.ndjson', `{${event},"timestamp":"1735689600123"}\n`)
  const { stderr } = await runInside(['send', file, '--dry-run', '--url', 'http://127.0.0.1:9'])
  assert.match(stderr, /odd\.ndjson:1: timestamp: expected RFC 3339/)
  assert.match(stderr, /Times in another form: name it with --time-format \(iso, date, epoch-s/)
})

test('send says until when sending again is safe, as the collector tells it', async () => {
  const { stderr, reads } = await send(fileOf('again.ndjson', '{"event_id":"1"}\n'))
  // Open to every key, as the status is not.
  assert.deepEqual(reads, ['/v1/time'])
  // The terminal's clock stands at 2026-01-01 00:00:00.
  assert.match(stderr, /sent again before 2026-01-01 01:00:00 UTC, in 1 h 0 min, counts once/)
})
