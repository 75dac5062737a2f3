/**
 * `npm start --demo` without `--`: npm keeps the option, and the command says so. With the npm that
 * is installed here.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInside } from './support/terminal.ts'

const ROOT = join(import.meta.dirname, '../..')

/**
 * Runs `npm …` in the project; whatever it starts would be refused for its configuration at the
 * latest.
 */
function npm(words: readonly string[]): Readonly<{ code: number | null; text: string }> {
  const environment = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?!config_(registry|cache|userconfig|globalconfig))/i.test(name),
  )
  const ran = spawnSync('npm', words, {
    cwd: ROOT,
    encoding: 'utf8',
    env: Object.fromEntries(environment),
    timeout: 60_000,
  })
  return { code: ran.status, text: ran.stdout + ran.stderr }
}

for (const [words, meant] of [
  [['start', '--demo'], 'npm start -- --demo'],
  [['start', '--demo=500'], 'npm start -- --demo=500'],
  [['start', '--demo', '500'], 'npm start -- --demo 500'],
  [['start', '--new-log'], 'npm start -- --new-log'],
  [['start', '--config', 'missing.yaml'], 'npm start -- --config missing.yaml'],
  [['start', '--config=missing.yaml'], 'npm start -- --config=missing.yaml'],
  [['start', '-c', 'missing.yaml'], 'npm start -- -c missing.yaml'],
  [['run', 'start', '--demo'], 'npm start -- --demo'],
] as const) {
  test(`npm ${words.join(' ')} is refused, and the right line is said`, () => {
    const { code, text } = npm(words)
    assert.equal(code, 2, text)
    assert.match(text, /^campaign-metrics: npm has kept /m)
    assert.ok(text.includes(`: ${meant}\n`), text)
  })
}

test('behind -- the option arrives', () => {
  const { code, text } = npm(['start', '--', '--config', 'missing.yaml'])
  assert.equal(code, 2, text)
  assert.match(text, /missing\.yaml: there is no such file/)
})

test('options that are not ours, and those that were negated, are let pass', async () => {
  const config = ['--config', '/missing.yaml']
  for (const environment of [
    { npm_lifecycle_event: 'start', npm_config_loglevel: 'silent', npm_config_demo: '' },
    // Not through npm: somebody's variable.
    { npm_config_demo: 'true' },
  ]) {
    const ran = await runInside(['start', ...config], { environment })
    assert.match(ran.stderr, /missing\.yaml: there is no such file/)
  }
})
