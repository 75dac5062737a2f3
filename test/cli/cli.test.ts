/** What holds for every command: help, usage errors, error lines, exit codes. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandsPage } from '../../src/cli/documentation.ts'
import { EXIT_CODE, errorText, exitCodeOf } from '../../src/cli/error.ts'
import { bytesText, elapsedText, timeText } from '../../src/cli/number-text.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { runInside } from './support/terminal.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = makeScratchFolder('cli')

function configOf(text: string): string {
  const path = join(FOLDER, 'campaign-metrics.yaml')
  writeFileSync(path, text)
  return path
}

test('--help goes to standard output with exit code 0, for every command too', async () => {
  const help = await runInside(['--help'])
  assert.equal(help.exitCode, 0)
  assert.equal(help.stderr, '')
  for (const name of ['start', 'send', 'query', 'verify', 'status', 'rejected', 'relocate']) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'))
    const own = await runInside([name, '--help'])
    assert.equal(own.exitCode, 0)
    assert.match(own.stdout, new RegExp(`^Usage: campaign-metrics ${name} `))
    assert.match(own.stdout, /--config <file>/)
  }
})

test('wrong usage has exit code 2, one line that says what, and a way on', async () => {
  const unknown = await runInside(['strat'])
  assert.equal(unknown.exitCode, 2)
  assert.equal(unknown.stdout, '')
  assert.match(
    unknown.stderr,
    /^campaign-metrics: unknown command 'strat'\n\(Did you mean start\?\)/,
  )
  assert.equal((await runInside(['status', '--jsn'])).exitCode, 2)
  assert.equal((await runInside(['query'])).exitCode, 2)
})

test('start --accept-repeats is refused where Flink does not run', async () => {
  const ran = await runInside(['start', '--accept-repeats', '--config', configOf('{}\n')])
  assert.equal(ran.exitCode, 2)
  assert.equal(ran.stdout, '')
  assert.match(ran.stderr, /^campaign-metrics: --accept-repeats: only Flink forgets event ids/)
})

test('a wrong configuration names file and line, with exit code 2, in every command', async () => {
  const config = configOf('windw: 5m\n')
  for (const words of [
    ['start'],
    ['send', '-'],
    ['query', 'select 1'],
    ['verify'],
    ['status'],
    ['rejected'],
    ['relocate'],
  ]) {
    const ran = await runInside([...words, '--config', config])
    assert.equal(ran.exitCode, 2, words[0])
    assert.ok(
      ran.stderr.startsWith(
        `campaign-metrics: ${config}:1: windw: unknown setting; did you mean \`window\`?`,
      ),
      ran.stderr,
    )
    assert.equal(ran.stdout, '')
  }
})

test('commands that ask the tables say so when there are none yet', async () => {
  const config = configOf('listen: 127.0.0.1:0\ncatalog: ./none.db\n')
  for (const words of [['query', 'select 1'], ['verify'], ['status']]) {
    const ran = await runInside([...words, '--config', config])
    assert.equal(ran.exitCode, 2, ran.stderr)
    assert.match(
      ran.stderr,
      /there are no tables yet: .*none\.db does not exist\. `campaign-metrics start` makes it/,
    )
  }
})

test('start refuses a rate that is none', async () => {
  for (const rate of ['fast', '0', '-1', '1e9']) {
    const ran = await runInside(['start', `--demo=${rate}`, '--config', configOf('')])
    assert.equal(ran.exitCode, 2)
    assert.match(ran.stderr, /--demo: .* is not a rate; accepted: 1 to 1000000 events a second/)
  }
})

test('an address with port 0 is not guessed', async () => {
  const ran = await runInside(['send', '-', '--config', configOf('listen: 127.0.0.1:0\n')])
  assert.equal(ran.exitCode, 2)
  assert.match(ran.stderr, /pass the URL it printed with --url/)
})

test('errors of the system say what to do; errors without a code are faults of ours', () => {
  const inUse = Object.assign(
    new Error('listen EADDRINUSE: address already in use 127.0.0.1:8088'),
    {
      code: 'EADDRINUSE',
      syscall: 'listen',
    },
  )
  assert.match(
    errorText(inUse, false),
    /8088: another program listens there; stop it, or set `listen`/,
  )
  assert.equal(exitCodeOf(inUse), EXIT_CODE.failed)
  const fault = new TypeError('x is undefined')
  const start =
    'campaign-metrics: internal error: x is undefined. This is a fault of campaign-metrics; ' +
    'run it again with DEBUG=1'
  assert.equal(errorText(fault, false).slice(0, start.length), start)
  assert.doesNotMatch(errorText(fault, false), /\n +at /)
  assert.match(errorText(fault, true), /\n +at /)
  assert.equal(exitCodeOf(fault), EXIT_CODE.internal)
})

test('a reader that has had enough, such as head, ends a command quietly', async () => {
  const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), 'send', '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const exitCode = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(stderr, '')
  assert.equal(exitCode, 0)
})

test('numbers are written for people', () => {
  assert.deepEqual([0, 1023, 1024, 1_610_612_736].map(bytesText), [
    '0 bytes',
    '1023 bytes',
    '1.0 KiB',
    '1.5 GiB',
  ])
  assert.deepEqual([0, 850, 12_345, 245_000, 7_380_000].map(elapsedText), [
    '0 ms',
    '850 ms',
    '12.3 s',
    '4 min 5 s',
    '2 h 3 min',
  ])
  assert.equal(timeText(1_767_225_600_000_000, 'UTC'), '2026-01-01 00:00:00 UTC')
  assert.equal(timeText(1_767_225_600_000_000, 'Europe/Berlin'), '2026-01-01 01:00:00')
})

test('docs/cli.md is current', () => {
  assert.equal(
    readFileSync(join(ROOT, 'docs/cli.md'), 'utf8'),
    commandsPage(),
    '`npm run docs` writes it anew',
  )
})
