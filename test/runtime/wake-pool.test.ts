/**
 * A lost wakeup cannot be made to order; what can be held is that work is posted, and that nobody
 * is kept waiting.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const DOOR = JSON.stringify(join(import.meta.dirname, '../../src/runtime/wake-pool.ts'))

function run(after: string): string {
  const script = `
    import { createHook } from 'node:async_hooks'
    import { wakePool } from ${DOOR}
    let posted = 0
    createHook({ init: (_, type) => { if (type === 'FSREQCALLBACK') posted++ } }).enable()
    wakePool()
    process.on('exit', () => process._rawDebug(posted))
    ${after}`
  const done = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(done.status, 0, done.stderr)
  return done.stderr.trim()
}

test('a process that waits posts work to the pool again and again', () => {
  assert.ok(Number(run('setTimeout(() => {}, 3_500)')) >= 2)
})

test('a process with nothing left to do ends, and has posted nothing', () => {
  assert.equal(run(''), '0')
})
