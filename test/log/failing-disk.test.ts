/**
 * F6: errors of the disk. What could not be synced is never answered, not even by a second try that
 * seems to work.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspectLog, type LogErrorCode, openLog } from '../../src/log.ts'
import type { DiskOperation } from './memory-disk.ts'
import { append, inRoom, KIB, line, logError, readText, smallLog, withLog } from './room.ts'

for (const operation of ['write', 'sync'] satisfies DiskOperation[]) {
  for (const code of ['EIO', 'ENOSPC']) {
    test(`${code} on ${operation} of a group fails the log for good; a start finds the rest`, () =>
      inRoom(async ({ options, disk }) => {
        const memory = { ...options, files: disk.files }
        await withLog(memory, async (log) => {
          await append(log, 0)
          let failed = 0
          disk.fault = (met) => (met === operation && failed++ === 0 ? code : null)
          const both = [append(log, 1), append(log, 2)]
          const isIo = logError('io', new RegExp(`${code}.*not yet answered are not accepted`))
          for (const one of both) await assert.rejects(one, isIo)
          // The disk would work again, but nobody is told that it does.
          await assert.rejects(append(log, 3), isIo)
          assert.equal(log.end(), 1)
          assert.equal(log.stats().failed?.code, 'io')
          assert.equal(await readText(log, memory), line(0))
        })
        await withLog(memory, async (log) => {
          assert(log.end() === 1 || operation === 'sync', 'the group was never written')
          const text = await readText(log, memory)
          assert.equal(text, log.end() === 1 ? line(0) : line(0) + line(1) + line(2))
        })
      }))
  }
}

test('a group found in memory after a failed sync is written again at the start', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      await append(log, 0)
      disk.fault = (operation) => (operation === 'sync' ? 'EIO' : null)
      await assert.rejects(append(log, 1), logError('io'))
      disk.fault = () => null
    })
    await withLog(memory, async (log) => {
      assert.equal(log.end(), 2)
      const cut = { ...options, files: disk.afterPowerCut(() => 0).files }
      const other = { ...cut, directory: `${options.directory}-cut` }
      await withLog(other, async (after) =>
        assert.equal(await readText(after, other), line(0) + line(1)),
      )
    })
  }))

test('a group that the disk takes in part is written to its end: short writes lose nothing', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    disk.accept = (bytes) => Math.min(bytes, 7)
    await withLog(memory, async (log) => {
      await Promise.all([append(log, 0), append(log, 1), append(log, 2, 1, 3 * KIB)])
      assert.equal(await readText(log, memory), line(0) + line(1) + line(2, 3 * KIB))
    })
  }))

test('a disk that writes nothing at all fails the log instead of looping for ever', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      disk.accept = () => 0
      await assert.rejects(append(log, 0), logError('io', /wrote 0 bytes/))
    })
  }))

const REASONS: Readonly<Record<string, string>> = {
  EIO: 'EIO',
  EMFILE: 'no file can be opened .* raise their limit',
}
const large = 8 * KIB
const cases: readonly [string, DiskOperation, LogErrorCode][] = [
  ['ENOSPC', 'write', 'full'],
  ['EDQUOT', 'sync', 'full'],
  ['ENOSPC', 'open', 'full'],
  ['EMFILE', 'open', 'full'],
  ['EIO', 'write', 'io'],
]
for (const [code, operation, expected] of cases) {
  test(`a new segment refused with ${code} on ${operation} is ${expected} and leaves no file`, () =>
    inRoom(async ({ options, disk, clock }) => {
      const memory = { ...options, files: disk.files }
      await withLog(memory, async (log) => {
        await append(log, 0, 1, large)
        disk.fault = (met, name) => (met === operation && name.endsWith('.new') ? code : null)
        // The first change of segments may find a spare that was made before.
        const refused = append(log, 1, 1, large).then(() => append(log, 2, 1, large))
        await assert.rejects(refused, logError(expected, new RegExp(REASONS[code] ?? 'no room')))
        assert.deepEqual(disk.names('.new'), [])
        const end = log.end()
        disk.fault = () => null
        if (expected === 'io') {
          assert.equal(log.stats().full, null, 'it has failed, and does not wait for room')
          return
        }
        clock.nowUs += 1_000_000
        await append(log, end, 1, large).catch(() => {})
        while (log.stats().full !== null) await new Promise((resolve) => setImmediate(resolve))
        assert.equal(await append(log, log.end(), 1, large), log.end() - 1)
      })
    }))
}

test('a new segment whose file cannot be opened is full, with nothing changed, until it can', () =>
  inRoom(async ({ options, disk, clock }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await append(log, 0, 1, large)
      disk.fault = (met, name) => (met === 'open' && name.endsWith('.spare') ? 'ENFILE' : null)
      await assert.rejects(append(log, 1, 1, large), logError('full', /no file can be opened/))
      disk.fault = () => null
      clock.nowUs += 1_000_000
      await append(log, 1, 1, large).catch(() => {})
      while (log.stats().full !== null) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(await append(log, log.end(), 1, large), log.end() - 1)
      const memory = { ...options, files: disk.files }
      assert.equal((await readText(log, memory)).split('\n').length - 1, log.end())
    })
  }))

test('a new segment whose header cannot be synced fails the log', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await append(log, 0, 1, large)
      disk.fault = (met, name) => (met === 'sync' && name.endsWith('.spare') ? 'EIO' : null)
      await assert.rejects(append(log, 1, 1, large), logError('io'))
      disk.fault = () => null
      await assert.rejects(append(log, 1), logError('io'))
    })
  }))

test('a segment that cannot be given back fails the log', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await append(log, 0, 1, 8 * KIB)
      await append(log, 1, 1, 8 * KIB)
      disk.fault = (met) => (met === 'syncFolder' ? 'EIO' : null)
      await assert.rejects(log.trim(2), logError('io', /giving back a segment/))
      disk.fault = () => null
      await assert.rejects(append(log, 2), logError('io'))
    })
  }))

test('a read error at the start is the disk’s error, not a cut', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => append(log, 0))
    disk.fault = (met) => (met === 'read' ? 'EIO' : null)
    await assert.rejects(openLog(memory), logError('io', /cannot open .*EIO/))
    disk.fault = () => null
    await withLog(memory, async (log) => assert.equal(await readText(log, memory), line(0)))
  }))

test('a really full disk refuses with full, keeps what was answered, goes on with room', (t) => {
  const folder = mkdtempSync(join(os.tmpdir(), 'log-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmSync(folder, { recursive: true })
    t.skip('a tmpfs cannot be mounted here (this needs root)')
    return
  }
  const run = async () => {
    const clock = { nowUs: 1_767_225_600_000_000 }
    const options = smallLog(join(folder, 'log'), clock)
    const log = await openLog(options)
    try {
      writeFileSync(join(folder, 'other'), Buffer.alloc(60 * KIB))
      let refused: unknown = null
      while (refused === null && log.end() < 20) {
        await append(log, log.end(), 1, 8 * KIB).catch((error: unknown) => {
          refused = error
        })
      }
      logError('full')(refused)
      const end = log.end()
      assert(end > 0)
      rmSync(join(folder, 'other'))
      clock.nowUs += 1_000_000
      await append(log, end).catch(() => {})
      while (log.stats().full !== null) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(await append(log, end, 1, 8 * KIB), end)
      const text = Array.from({ length: end + 1 }, (_, number) => line(number, 8 * KIB)).join('')
      assert.equal(await readText(log, options), text)
    } finally {
      await log.close()
    }
  }
  return run().finally(() => {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })
})

test('a new segment whose file the disk does not open fails the log', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await append(log, 0, 1, large)
      disk.fault = (met, name) => (met === 'open' && name.endsWith('.spare') ? 'EIO' : null)
      await assert.rejects(append(log, 1, 1, large), logError('io', /EIO/))
      disk.fault = () => null
      await assert.rejects(append(log, 1), logError('io'))
    })
  }))

test('no file stays open after the log, its readers, or a start that failed', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      for (let number = 0; number < 4; number += 1) await append(log, number, 1, large)
      assert.equal(disk.openFiles, 1, 'the segment being written')
      await readText(log, memory)
      await inspectLog(options.directory, disk.files)
      assert.equal(disk.openFiles, 1)
      await log.trim(2)
    })
    assert.equal(disk.openFiles, 0)
    await withLog(memory, async () => {})
    assert.equal(disk.openFiles, 0)
    disk.content('00000000000000000003.segment').fill(1, 5000, 5001)
    await assert.rejects(openLog(memory), logError('damaged'))
    await disk.files.remove('00000000000000000002.segment')
    await assert.rejects(openLog(memory), logError('damaged'))
    assert.equal(disk.openFiles, 0)
  }))
