/** The command that finds or installs the browser: what it says and how it ends. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { BROWSER } from './support/browser.ts'
import { findBrowser } from './support/find-browser.ts'
import { skipBrowser } from './support/watched-page.ts'

const SCRIPT = join(import.meta.dirname, '../../scripts/browser.ts')

function runScript(path: string): { status: number | null; said: string } {
  const env = { ...process.env, NODE_NO_WARNINGS: '1', [BROWSER.variable]: path }
  const done = spawnSync(process.execPath, [SCRIPT], { env, encoding: 'utf8' })
  return { status: done.status, said: done.stdout + done.stderr }
}

test('a named program that is no browser, or is not there, ends the command with its name', () => {
  for (const path of [process.execPath, '/no/such/browser']) {
    const { status, said } = runScript(path)
    assert.equal(status, 1, said)
    assert.ok(said.includes(path) && said.includes(BROWSER.variable), said)
  }
})

test('a named browser that starts is taken without a word', { skip: skipBrowser }, () => {
  assert.deepEqual(runScript(findBrowser(BROWSER).path ?? ''), { status: 0, said: '' })
})
