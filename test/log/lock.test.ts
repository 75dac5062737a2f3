/**
 * F7: one process per folder, with real processes. The lock goes with its process, even when that
 * is killed.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openLog } from '../../src/log.ts'
import { acquireLock, LockError, takeLock } from '../../src/runtime/lock.ts'
import { append, inRoom, line, logError, readText, withLog } from './room.ts'

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

test('a deleted lock is lost to its holder; while the folder is away it may come back', () =>
  inRoom(async ({ directory }) => {
    const path = join(directory, 'lock')
    const lock = acquireLock(path, 'the thing')
    renameSync(directory, `${directory}-away`)
    assert.match(lock.fault() ?? '', /was removed or renamed/)
    assert.equal(lock.lost(), null)
    renameSync(`${directory}-away`, directory)
    assert.equal(lock.fault(), null)
    rmSync(path)
    assert.equal(lock.lost()?.code, 'lock-lost')
    const next = acquireLock(path, 'the thing')
    assert.match(lock.lost()?.message ?? '', /the thing is no longer locked .* is not the one/)
    lock.release()
    assert.equal(readFileSync(`${path}.pid`, 'utf8'), `${process.pid}\n`, 'of the next holder')
    assert.equal(next.lost(), null)
    next.release()
  }))

test('of two processes that start after the lock was deleted, one goes on', () =>
  inRoom(async ({ directory }) => {
    const path = join(directory, 'lock')
    const holder = acquireLock(path, 'the thing')
    rmSync(path)
    const first = takeLock(path, 'the thing', true)
    rmSync(path)
    const second = takeLock(path, 'the thing', true)
    await assert.rejects(first, { name: 'LockError', code: 'lock-lost' })
    ;(await second).release()
    holder.release()
  }))

test('a lock is taken at once where nothing is in doubt, else after two seconds', () =>
  inRoom(async ({ directory }) => {
    const path = join(directory, 'lock')
    /** Whether it had to wait: a wait takes far more turns of the event loop. */
    async function waits(isUsed: boolean): Promise<boolean> {
      let isTaken = false
      const taking = takeLock(path, 'the thing', isUsed).then((lock) => {
        isTaken = true
        lock.release()
      })
      await new Promise(setImmediate)
      const hasWaited = !isTaken
      await taking
      return hasWaited
    }
    assert.equal(await waits(false), false, 'the first start')
    assert.equal(await waits(true), false, 'after a clean stop')
    writeFileSync(`${path}.pid`, '2147483646\n')
    assert.equal(await waits(true), false, 'after a holder was killed')
    writeFileSync(`${path}.pid`, `${process.ppid}\n`)
    assert.equal(await waits(true), true, 'the last holder runs, without the lock')
    rmSync(path)
    assert.equal(await waits(true), true, 'the lock was deleted')
  }))

test('a log whose lock is deleted writes nothing more, not even a seal', () =>
  inRoom(async ({ options, directory }) => {
    const log = await openLog(options)
    await append(log, 0)
    rmSync(join(directory, 'lock'))
    await assert.rejects(append(log, 1), logError('lock-lost', /no longer locked/))
    assert.equal(log.stats().failed?.code, 'lock-lost')
    await log.close()
    await withLog(options, async (again) => {
      assert.equal(again.recovered.cleanStop, false)
      assert.equal(again.end(), 1)
    })
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
