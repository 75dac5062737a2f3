/**
 * Processes of the native stack: found again by their record, never mistaken, and ended with all
 * they started.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProcess, listFamily } from '../../deploy/stack/process-family.ts'
import {
  awaitEnd,
  endLeftovers,
  endRecorded,
  findRecorded,
  isRunning,
  type RecordedProcess,
  signalFamily,
  startRecorded,
} from '../../deploy/stack/recorded-process.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const FOLDER = makeScratchFolder('process')
const LIMIT_MS = 30_000
const skip = process.platform === 'linux' ? false : 'the native stack runs on Linux'
/** A shell with two children, one of which leads a session of its own, as PostgreSQL's do. */
const PARENT = 'sleep 60 & setsid sleep 60 & wait'

function start(name: string, script: string): { running: RecordedProcess; record: string } {
  const files = { record: join(FOLDER, name), log: join(FOLDER, `${name}.log`), folder: FOLDER }
  const environment = { PATH: process.env.PATH ?? '' }
  const running = startRecorded({ argv: ['sh', '-c', script], environment }, files, true)
  return { running, record: files.record }
}

async function untilFamilyOf(pid: number, size: number): Promise<number[]> {
  for (const limit = AbortSignal.timeout(LIMIT_MS); !limit.aborted; await sleep(20)) {
    const family = listFamily(pid)
    if (family.length === size) return family
  }
  return assert.fail(`there are never ${size} processes`)
}

test('a process is found again by its record', { skip }, async () => {
  const { running, record } = start('found', 'echo said; exec sleep 60')
  const log = join(FOLDER, 'found.log')
  while (readFileSync(log, 'utf8') === '') await sleep(20)
  assert.deepEqual(findRecorded(record), running)
  assert.equal(await endRecorded(running, 'SIGTERM', LIMIT_MS), true)
  assert.equal(findRecorded(record), null)
  assert.equal(readFileSync(log, 'utf8'), 'said\n')
})

test('another process that got the same id is left alone', { skip }, async () => {
  const { running, record } = start('other', 'exec sleep 60')
  const before = { ...running, startTime: '1' }
  writeFileSync(record, JSON.stringify(before))
  assert.equal(findRecorded(record), null)
  signalFamily(before, 'SIGKILL')
  assert.equal(await endRecorded(before, 'SIGKILL', LIMIT_MS), true)
  assert.equal(isRunning(running), true)
  await endRecorded(running, 'SIGTERM', LIMIT_MS)
})

test('SIGKILL reaches all that a process started, and its id is free afterwards', {
  skip,
}, async () => {
  const { running } = start('family', PARENT)
  const family = await untilFamilyOf(running.pid, 3)
  signalFamily(running, 'SIGKILL')
  assert.equal(await awaitEnd(running, LIMIT_MS), true)
  assert.equal(findProcess(running.pid), null)
  for (const pid of family) assert.ok(findProcess(pid)?.isZombie ?? true, `${pid} still runs`)
})

test('what a process leaves behind that was killed alone is ended before the next start', {
  skip,
}, async () => {
  const { running, record } = start('alone', 'sleep 60 & wait')
  const family = await untilFamilyOf(running.pid, 2)
  process.kill(running.pid, 'SIGKILL')
  await untilFamilyOf(running.pid, 1)
  assert.equal(findRecorded(record), null)
  await endLeftovers(record, LIMIT_MS)
  for (const pid of family) assert.ok(findProcess(pid)?.isZombie ?? true, `${pid} still runs`)
})

test('a process that does not heed its signal, or is paused, is ended all the same', {
  skip,
}, async () => {
  const deaf = start('deaf', 'trap "" TERM; sleep 60 & wait; wait')
  await untilFamilyOf(deaf.running.pid, 2)
  assert.equal(await endRecorded(deaf.running, 'SIGTERM', 300), false)
  assert.equal(isRunning(deaf.running), false)
  const paused = start('paused', 'exec sleep 60')
  signalFamily(paused.running, 'SIGSTOP')
  assert.equal(await endRecorded(paused.running, 'SIGTERM', LIMIT_MS), true)
})

test('a process ends with the one that opened it, even when that is killed', { skip }, async () => {
  const module = join(import.meta.dirname, '../../deploy/stack/recorded-process.ts')
  const record = join(FOLDER, 'bound')
  const script = `
    import { startRecorded } from ${JSON.stringify(module)}
    const files = ${JSON.stringify({ record, log: `${record}.log`, folder: FOLDER })}
    startRecorded({ argv: ['sleep', '60'], environment: { PATH: process.env.PATH } }, files, true)
    console.log('started')
    setInterval(() => {}, 1000)`
  const opener = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => opener.stdout.once('data', resolve))
  const bound = findRecorded(join(FOLDER, 'bound'))
  assert.ok(bound !== null)
  // The bond is tied before the command takes the place of the one that ties it.
  const command = (): string => readFileSync(`/proc/${bound.pid}/cmdline`, 'utf8')
  for (const limit = AbortSignal.timeout(LIMIT_MS); !command().startsWith('sleep'); await sleep(20))
    assert.ok(!limit.aborted, 'it does not start')
  opener.kill('SIGKILL')
  for (const limit = AbortSignal.timeout(LIMIT_MS); isRunning(bound); await sleep(20))
    assert.ok(!limit.aborted, 'it outlives its opener')
})
