/**
 * A lost wakeup cannot be made to order; what can be shown is that work is posted, and that nobody
 * is kept waiting. Memory is freed by hand only where nobody else can see it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { freeBytes } from '../../src/runtime/node-workarounds.ts'

const DOOR = JSON.stringify(join(import.meta.dirname, '../../src/runtime/node-workarounds.ts'))

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

test('a large array of its own is freed at once', () => {
  const bytes = new Uint8Array(64 * 1024)
  freeBytes(bytes)
  assert.equal(bytes.byteLength, 0)
})

test('an array that shares its buffer is left alone, and so is what shares it', () => {
  const buffer = new ArrayBuffer(64 * 1024)
  const part = new Uint8Array(buffer, 0, 32 * 1024)
  const other = new Uint8Array(buffer, 32 * 1024)
  freeBytes(part)
  assert.equal(part.byteLength, 32 * 1024)
  assert.equal(other.byteLength, 32 * 1024)
})

test('memory shared with a thread is left alone', () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(64 * 1024))
  freeBytes(bytes)
  assert.equal(bytes.byteLength, 64 * 1024)
})
