/**
 * F7: one process per folder, with real processes. The lock goes with its process, even when that
 * is killed.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openLog } from '../../src/log.ts'
import { acquireLock, LockError } from '../../src/runtime/lock.ts'
import { inRoom, line, logError, readText, withLog } from './room.ts'

/** Another process with the log open, that prints each line it was answered for. */
async function startWriter(directory: string): Promise<ChildProcess & { printed: string[] }> {
  const script = new URL('./writer-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  const printed: string[] = []
  const output = createInterface({ input: child.stdout })
  output.on('line', (text) => printed.push(text))
  await once(output, 'line')
  return Object.assign(child, { printed })
}

test('a lock is held once, also within one process, and can be taken again when released', () =>
  inRoom(async ({ directory }) => {
    const path = join(directory, 'lock')
    const lock = acquireLock(path, 'the thing')
    assert.throws(
      () => acquireLock(path, 'the thing'),
      (error) => {
        assert(error instanceof LockError)
        assert.deepEqual(error.facts, { path, what: 'the thing', pid: process.pid })
        assert.match(error.message, new RegExp(`the thing is in use by process ${process.pid}`))
        return true
      },
    )
    lock.release()
    lock.release()
    assert.equal(existsSync(`${path}.pid`), false)
    acquireLock(path, 'the thing').release()
  }))

test('a lock is not fooled by the pid that a dead process left', () =>
  inRoom(async ({ directory }) => {
    const path = join(directory, 'lock')
    acquireLock(path, 'the thing').release()
    writeFileSync(`${path}.pid`, '1\n')
    const lock = acquireLock(path, 'the thing')
    assert.equal(readFileSync(`${path}.pid`, 'utf8'), `${process.pid}\n`)
    lock.release()
  }))

test('a log open in another process is refused with its pid; kill -9 of the process frees it', () =>
  inRoom(async ({ options, directory }) => {
    const child = await startWriter(directory)
    try {
      const opening = openLog(options)
      await assert.rejects(opening, logError('locked', new RegExp(`process ${child.pid} `)))
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await withLog(options, async (log) => {
      const answered = child.printed.filter((text) => text !== 'open').map(Number)
      assert(log.end() >= answered.length)
      const numbers = Array.from({ length: log.end() }, (_, number) => line(number))
      assert.equal(await readText(log, options), numbers.join(''))
    })
  }))

test('a log that a stopped process has open is still refused (F8)', () =>
  inRoom(async ({ options, directory }) => {
    const child = await startWriter(directory)
    try {
      child.kill('SIGSTOP')
      await assert.rejects(openLog(options), logError('locked'))
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }))

test('a log is free again after close, and after an open that failed', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async () => {})
    disk.fault = (operation) => (operation === 'read' ? 'EIO' : null)
    await assert.rejects(openLog(memory), /EIO/)
    disk.fault = () => null
    await withLog(memory, async () => {})
  }))
