/** `send`: what reaches the collector, what is tried again, and what its user reads. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { makeScratchFolder } from '../support/scratch.ts'
import {
  type FakeCollector,
  openFakeCollector,
  type Reply,
  takeAllButBad,
} from './support/fake-collector.ts'
import { runInside } from './support/terminal.ts'

const FOLDER = makeScratchFolder('send')

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name)
  writeFileSync(path, content)
  return path
}

async function collector(
  context: TestContext,
  reply: (lines: readonly string[], number: number) => Reply | null = takeAllButBad,
): Promise<FakeCollector> {
  const opened = await openFakeCollector(reply)
  context.after(() => opened.close())
  return opened
}

test('every line of every file is sent once, in order, and the summary counts them', async (t) => {
  const { url, requests } = await collector(t)
  const first = fileOf('first.ndjson', '{a\nb\n\n  \nc')
  const second = fileOf('second.ndjson', '{d\r\n')
  const ran = await runInside(['send', first, second, '--url', url])
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.deepEqual(
    requests.flatMap(({ lines }) => lines),
    ['{a', 'b', 'c', '{d\r'],
  )
  assert.ok(requests.every(({ path }) => path === '/v1/events'))
  assert.equal(requests[0]?.headers['content-type'], 'application/x-ndjson')
  assert.match(ran.stderr, /Sent 4 events .*: 4 accepted, 0 rejected/)
  assert.equal(ran.stdout, '')
})

test('large input goes out in batches of whole lines, none over 1 MiB', async (t) => {
  const { url, requests } = await collector(t)
  const lines = Array.from({ length: 20_000 }, (_, index) => `{${index} ${'x'.repeat(index % 300)}`)
  const ran = await runInside(['send', fileOf('large.ndjson', lines.join('\n')), '--url', url])
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.ok(requests.length > 2)
  assert.deepEqual(
    requests.flatMap((request) => request.lines),
    lines,
  )
  for (const request of requests) assert.ok(Number(request.headers['content-length']) <= 1_048_576)
})

test('no batch has more lines than a collector takes', async (t) => {
  const { url, requests } = await collector(t)
  await runInside(['send', fileOf('short.ndjson', '{\n'.repeat(120_000)), '--url', url])
  assert.deepEqual(
    requests.map(({ lines }) => lines.length),
    [50_000, 50_000, 20_000],
  )
})

test('standard input, .gz and .zst are read, and --gzip compresses what is sent', async (t) => {
  const { url, requests } = await collector(t)
  const gz = fileOf('a.ndjson.gz', gzipSync('{from gz\n'))
  const zst = fileOf('a.ndjson.zst', zstdCompressSync('{from zst\n'))
  const input = [Buffer.from('{from st'), Buffer.from('din\n')]
  const ran = await runInside(['send', '-', gz, zst, '--gzip', '--url', url], { input })
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.deepEqual(
    requests.flatMap(({ lines }) => lines),
    ['{from stdin', '{from gz', '{from zst'],
  )
  assert.ok(requests.every(({ headers }) => headers['content-encoding'] === 'gzip'))
})

test('rejected events are named by file and line, and make the exit code 1', async (t) => {
  const { url } = await collector(t)
  const filler = `${'x'.repeat(1000)}\n`.repeat(1500)
  const file = fileOf('some-bad.ndjson', `\n{bad 2\n\ngood\n${filler}bad 1505\n`)
  const ran = await runInside(['send', file, '--url', url])
  assert.equal(ran.exitCode, 1)
  assert.ok(ran.stderr.includes(`${file}:2: event_id: required\n`), ran.stderr)
  assert.ok(ran.stderr.includes(`${file}:1505: event_id: required\n`), ran.stderr)
  assert.match(ran.stderr, /1,501 accepted, 2 rejected/)
  assert.match(ran.stderr, /campaign-metrics rejected/)
})

test('of many rejected events the first hundred are shown and all are counted', async (t) => {
  const { url } = await collector(t)
  const ran = await runInside(['send', '-', '--url', url], { input: '{bad\n'.repeat(250) })
  assert.equal(ran.stderr.match(/stdin:\d+: /g)?.length, 100)
  assert.match(ran.stderr, /150 more rejected than shown/)
})

test('rejected events past those that an answer lists are counted too', async (t) => {
  const { url } = await collector(t, (lines) => ({
    status: 200,
    body: {
      accepted: 1,
      rejected: [{ index: 0, reason: 'event_id: required' }],
      rejectedCount: lines.length - 1,
    },
  }))
  const ran = await runInside(['send', '-', '--url', url], {
    input: `${'{bad\n'.repeat(249)}good\n`,
  })
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stderr, /Sent 250 events .*: 1 accepted, 249 rejected/)
})

test('a line longer than a batch is reported, not sent, and spoils no other line', async (t) => {
  const { url, requests } = await collector(t)
  const long = 'x'.repeat(3_000_000)
  const input = `{first\n${long}\nmiddle\n${long}\nlast\n`
  const pieces = Array.from({ length: Math.ceil(input.length / 65_536) }, (_, index) =>
    Buffer.from(input.slice(index * 65_536, (index + 1) * 65_536)),
  )
  const ran = await runInside(['send', '-', '--url', url], { input: pieces })
  assert.equal(ran.exitCode, 1)
  assert.deepEqual(
    requests.flatMap(({ lines }) => lines),
    ['{first', 'middle', 'last'],
  )
  assert.match(ran.stderr, /stdin:2: 2\.9 MiB in one line/)
  assert.match(ran.stderr, /stdin:4: 2\.9 MiB in one line/)
  assert.match(ran.stderr, /2 lines cannot be an event, not sent/)
})

test('429, 503 and broken connections are tried again with the same lines', async (t) => {
  const busy = { error: { code: 'log-busy', message: 'The disk is behind.' } }
  const { url, requests } = await collector(t, (lines, number) => {
    if (number === 0) return { status: 429, body: busy, headers: { 'retry-after': '0' } }
    if (number === 1) return { status: 503, body: 'a page of a proxy' }
    if (number === 2) return null
    return takeAllButBad(lines)
  })
  const ran = await runInside(['send', '-', '--url', url], { input: '{one\ntwo\n' })
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.deepEqual(
    requests.map(({ lines }) => lines),
    Array(4).fill(['{one', 'two']),
  )
  assert.match(ran.stderr, /answered 429: The disk is behind\.; next try in 200 ms/)
  assert.match(ran.stderr, /answered 503: a page of a proxy/)
  assert.match(ran.stderr, /the connection failed \((ECONNRESET|UND_ERR_SOCKET)\)/)
  assert.match(ran.stderr, /Sent 2 events/)
})

test('a refusal that stays one is not tried again', async (t) => {
  const body = { error: { code: 'key-missing', message: 'A key is needed.' } }
  const { url, requests } = await collector(t, () => ({ status: 401, body }))
  const ran = await runInside(['send', '-', '--url', url], { input: '{one\n' })
  assert.equal(ran.exitCode, 2)
  assert.equal(requests.length, 1)
  assert.ok(ran.stderr.includes(`campaign-metrics: ${url} answered 401: A key is needed.\n`))
})

test('when patience ends the exit code is 3, and what was sent so far is said', async (t) => {
  const { url } = await collector(t, (lines, number) =>
    number === 0 ? takeAllButBad(lines) : { status: 503, body: {} },
  )
  const input = `{${'x'.repeat(999)}\n`.repeat(2000)
  const ran = await runInside(['send', '-', '--patience', '0', '--url', url], { input })
  assert.equal(ran.exitCode, 3)
  assert.match(ran.stderr, /Sent 1,047 events/)
  assert.match(ran.stderr, /\nNot sent, or not answered: stdin from line 1048 on\.\n/)
  assert.match(ran.stderr, /answered 503.*Sending the same events again later is safe/)
  assert.doesNotMatch(ran.stderr, /[Ss]tart it with/)
})

test('nobody listening is said in one line, with the address', async () => {
  const gone = await openFakeCollector(takeAllButBad)
  await gone.close()
  const ran = await runInside(['send', '-', '--patience', '0', '--url', gone.url], {
    input: '{a\n',
  })
  assert.equal(ran.exitCode, 3)
  assert.ok(
    ran.stderr.includes(`campaign-metrics: ${gone.url}: nothing listens there (ECONNREFUSED)`),
  )
})

test('something else that answers is not taken for a collector', async (t) => {
  const { url } = await collector(t, () => ({ status: 200, body: '<html>' }))
  const ran = await runInside(['send', '-', '--url', url], { input: '{a\n' })
  assert.equal(ran.exitCode, 2)
  assert.match(ran.stderr, /not as a campaign-metrics collector/)
})

test('a key of the configuration goes to the configured address only', async (t) => {
  const { url, requests } = await collector(t)
  const config = fileOf(
    'keys.yaml',
    `listen: ${new URL(url).host}\nkeys: { write: [write-key-of-config] }\n`,
  )
  const send = ['send', '-', '--config', config]
  await runInside(send, { input: '{a\n' })
  await runInside([...send, '--url', url], { input: '{b\n' })
  await runInside([...send, '--url', url], {
    input: '{c\n',
    environment: { CAMPAIGN_METRICS_KEY: 'key-of-environment' },
  })
  assert.deepEqual(
    requests.map(({ headers }) => headers.authorization),
    ['Bearer write-key-of-config', undefined, 'Bearer key-of-environment'],
  )
})

test('the path of --url is kept: nothing goes to the root of that host', async (t) => {
  const { url, requests, reads } = await collector(t)
  for (const path of ['/cm', '/cm/', '/a/b', '/a%20b/', '']) {
    const ran = await runInside(['send', '-', '--url', url + path], { input: '{a\n' })
    assert.equal(ran.exitCode, 0, ran.stderr)
  }
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/cm/v1/events', '/cm/v1/events', '/a/b/v1/events', '/a%20b/v1/events', '/v1/events'],
  )
  await runInside(['status', '--url', `${url}/cm/`])
  assert.equal(reads.at(-1), '/cm/v1/status')
})

test('--url with a query or a fragment is refused, because it would be lost', async (t) => {
  const { url, requests } = await collector(t)
  for (const more of ['/cm?key=secret-key', '?key=secret-key', '/cm#top', '/?', '/cm#']) {
    for (const words of [['send', '-'], ['status'], ['rejected', '--replay']]) {
      const ran = await runInside([...words, '--url', url + more], { input: '{a\n' })
      assert.equal(ran.exitCode, 2, ran.stderr)
      assert.match(
        ran.stderr,
        /--url: http:\S+ has a query or a fragment; name the collector alone/,
      )
      assert.ok(!ran.stderr.includes('secret-key'))
    }
  }
  assert.equal(requests.length, 0)
})

test('user and password in --url are for a proxy; no message repeats them', async (t) => {
  const { url, requests } = await collector(t, (lines, number) =>
    number === 1 ? { status: 401, body: 'a proxy' } : takeAllButBad(lines),
  )
  const address = url.replace('//', '//us%40er:pa%3Ass@')
  const environment = { CAMPAIGN_METRICS_KEY: 'key-of-environment' }
  await runInside(['send', '-', '--url', `${address}/cm`], { input: '{a\n', environment })
  const [sent] = requests
  // Counted by `printf 'us@er:pa:ss' | base64`.
  assert.equal(sent?.headers.authorization, 'Basic dXNAZXI6cGE6c3M=')
  assert.equal(sent?.headers['x-api-key'], 'key-of-environment')
  assert.equal(sent?.path, '/cm/v1/events')
  const ran = await runInside(['send', '-', '--url', address], { input: '{a\n' })
  assert.equal(ran.exitCode, 2)
  assert.doesNotMatch(ran.stderr, /pa(%3A|:)ss|us(%40|@)er/)
})

test('wrong files and options are refused before anything is sent', async (t) => {
  const { url, requests } = await collector(t)
  const good = fileOf('good.ndjson', '{a\n')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [
      [good, join(FOLDER, 'missing.ndjson')],
      /missing\.ndjson: there is no such file; nothing was sent/,
    ],
    [[FOLDER], /is a folder; name its files/],
    [['-', '-'], /standard input \(-\) can be named once only/],
    [[good, '--patience', 'long'], /--patience: "long"; accepted: 0 to 86400 seconds/],
    [[good, '--url', 'localhost:8088'], /"localhost:8088" is not a URL/],
    [[good, '--nonsense'], /unknown option '--nonsense'/],
    [[], /missing required argument 'files'/],
  ]
  for (const [words, message] of cases) {
    const ran = await runInside([
      'send',
      ...words,
      ...(words.includes('--url') ? [] : ['--url', url]),
    ])
    assert.equal(ran.exitCode, 2, ran.stderr)
    assert.match(ran.stderr, message)
    assert.doesNotMatch(ran.stderr, /\n +at /, 'no stack trace')
  }
  assert.equal(requests.length, 0)
})

const CODINGS = [
  ['gz', gzipSync],
  ['zst', zstdCompressSync],
] as const
const SKIPPABLE = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

for (const [ending, compress] of CODINGS) {
  test(`each part of .${ending} files joined by cat is sent, also from a pipe (F34)`, async (t) => {
    const { url, requests } = await collector(t)
    const many = Array.from({ length: 60_000 }, (_, index) => `${index} ${Math.sqrt(index)}`)
    const parts = ['{first\n', `${many.join('\n')}\n`, '', 'la', 'st\n']
    const joined = Buffer.concat(
      parts.flatMap((part, index) => {
        const between = ending === 'gz' ? Buffer.alloc(index) : SKIPPABLE
        return [
          ending === 'gz' ? compress(part) : between,
          ending === 'gz' ? between : compress(part),
        ]
      }),
    )
    const expected = ['{first', ...many, 'last']
    const file = fileOf(`joined.ndjson.${ending}`, joined)
    const odd = fileOf(`joined-${ending}.ndjson`, joined)
    const pieces = Array.from({ length: Math.ceil(joined.length / 997) }, (_, index) =>
      joined.subarray(index * 997, (index + 1) * 997),
    )
    for (const [word, input] of [
      [file, ''],
      [odd, ''],
      ['-', [joined]],
      ['-', pieces],
    ] as const) {
      requests.length = 0
      const ran = await runInside(['send', word, '--url', url], { input })
      assert.equal(ran.exitCode, 0, ran.stderr)
      assert.deepEqual(
        requests.flatMap(({ lines }) => lines),
        expected,
      )
    }
  })

  test(`of a .${ending} file cut short all whole lines are sent and counted exactly`, async (t) => {
    const { url, requests } = await collector(t)
    const lines = Array.from({ length: 100_000 }, (_, index) => `{${index} ${Math.sqrt(index)}`)
    const whole = compress(`${lines.join('\n')}\n`)
    const other = fileOf('other.ndjson', '{never\n')
    for (const share of [0.5, 0.999]) {
      requests.length = 0
      const cut = fileOf(
        `cut.ndjson.${ending}`,
        whole.subarray(0, Math.floor(whole.length * share)),
      )
      const ran = await runInside(['send', cut, other, '--url', url])
      assert.equal(ran.exitCode, 2)
      const sent = requests.flatMap((request) => request.lines)
      // As many as the format's own tool can read.
      const tool = spawnSync(ending === 'gz' ? 'gzip' : 'zstd', ['-dc', cut], { maxBuffer: 1e9 })
      if (tool.error === undefined) {
        assert.equal(sent.length, tool.stdout.toString().split('\n').length - 1)
      }
      assert.ok(sent.length > 10_000 && sent.length < lines.length, `${sent.length} sent`)
      assert.deepEqual(sent, lines.slice(0, sent.length))
      const count = sent.length.toLocaleString('en-US')
      assert.ok(ran.stderr.includes(`Sent ${count} events`), ran.stderr)
      const left = `${cut} from line ${sent.length + 1} on, ${other}.\n`
      assert.ok(ran.stderr.includes(`Not sent, or not answered: ${left}`), ran.stderr)
      assert.match(
        ran.stderr,
        /to its end: unexpected end of file; .* \(\d+ bytes of it could be read\) was not sent/,
      )
      assert.match(ran.stderr, /cannot be decompressed to its end: unexpected end of file; /)
    }
  })

  test(`a .${ending} file with other bytes at its end or start is an error`, async (t) => {
    const { url, requests } = await collector(t)
    const good = compress('{\nb\n')
    for (const [name, bytes] of [
      ['behind', Buffer.concat([good, Buffer.from('plain\n')])],
      ['half', Buffer.concat([good, good.subarray(0, 7)])],
      ['plain', Buffer.from('{\nb\n')],
      ['empty', Buffer.alloc(0)],
      ['tiny', good.subarray(0, 1)],
    ] as const) {
      const file = fileOf(`${name}.ndjson.${ending}`, bytes)
      const ran = await runInside(['send', file, '--url', url])
      assert.equal(ran.exitCode, 2, `${name}: ${ran.stderr}`)
      assert.ok(ran.stderr.includes(`${file} cannot be decompressed to its end: `), ran.stderr)
    }
    assert.ok(requests.every(({ lines }) => lines.every((line) => line.length === 1)))
  })
}

test('a byte order mark is not sent, compressed or not; lines keep their numbers', async (t) => {
  const { url, requests } = await collector(t)
  const text = '\ufeff{a\nbad\n\ufeffc'
  const files = [
    fileOf('marked.ndjson', text),
    fileOf('marked.ndjson.gz', gzipSync(text)),
    fileOf('only-marked.ndjson', '\ufeff'),
  ]
  const input = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))
  const ran = await runInside(['send', ...files, '-', '--url', url], { input })
  assert.equal(ran.exitCode, 1)
  assert.deepEqual(
    requests.flatMap(({ lines }) => lines),
    [1, 2, 3].flatMap(() => ['{a', 'bad', '\ufeffc']),
  )
  for (const name of [files[0], files[1], 'stdin']) {
    assert.ok(ran.stderr.includes(`${name}:2: event_id: required\n`), ran.stderr)
  }
})

test('a cut last line is sent and rejected, with the likely reason', async (t) => {
  const { url } = await collector(t, (lines) => ({
    status: 200,
    body: {
      accepted: lines.length - 1,
      rejected: [{ index: lines.length - 1, reason: 'event: not valid JSON (RFC 8259)' }],
    },
  }))
  const cut = fileOf('cut.ndjson', '{"event_id":"a"}\n{}\n{"event_id":"x')
  const ran = await runInside(['send', cut, '--url', url])
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stderr, /Sent 3 events .*: 2 accepted, 1 rejected/)
  assert.ok(
    ran.stderr.includes(
      `${cut}:3: event: not valid JSON (RFC 8259) (the last line, without a line feed: it ` +
        'may be cut)\n',
    ),
    ran.stderr,
  )
  const whole = await runInside(['send', '-', '--url', url], { input: '{}\n{"event_id":"x\n' })
  assert.doesNotMatch(whole.stderr, /may be cut/)
})

test('lines from a pipe that pauses are sent before it ends, and only whole ones', async (t) => {
  const { url, requests } = await collector(t)
  const input = new PassThrough()
  const sending = runInside(['send', '-', '--url', url], { input })
  input.write('{first\nsecond\nthi')
  while (requests.length === 0) await sleep(10)
  assert.deepEqual(requests[0]?.lines, ['{first', 'second'])
  input.end('rd\nbad')
  const ran = await sending
  assert.deepEqual(
    requests.slice(1).flatMap(({ lines }) => lines),
    ['third', 'bad'],
  )
  assert.match(ran.stderr, /stdin:4: event_id: required/)
})

test('an empty input is no request and no fault', async (t) => {
  const { url, requests } = await collector(t)
  const ran = await runInside(['send', fileOf('empty.ndjson', ''), '-', '--url', url], {
    input: '\n \n',
  })
  assert.equal(ran.exitCode, 0)
  assert.equal(requests.length, 0)
})
