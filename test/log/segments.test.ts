/** The files of the log: made, used again, given back, and never more than allowed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Log, LogError, openLog } from '../../src/log.ts'
import { append, inRoom, KIB, line, logError, readText, withLog } from './room.ts'

/** Lines of this size go one to a segment. */
const HALF_SEGMENT = 8 * KIB

/**
 * Until what goes on in the background has been done: `holds` is looked at between turns of the
 * event loop.
 */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert(holds())
}

async function fill(log: Log, from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    await append(log, number, 1, HALF_SEGMENT)
  }
}

test('trim gives back whole segments below the offset, never the one being written', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      await fill(log, 0, 4)
      await log.trim(0)
      assert.equal(log.start(), 0)
      await log.trim(2)
      assert.equal(log.start(), 2)
      await log.trim(4)
      assert.equal(log.start(), 3)
      assert.equal(await readText(log, options), line(3, HALF_SEGMENT))
    })
  }))

test('trim keeps a segment that another line below the offset shares', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      for (let number = 0; number < 6; number += 1) await append(log, number, 1, 5 * KIB)
      await log.trim(3)
      assert.equal(log.start(), 2)
    })
  }))

test('trim keeps a segment for the retention from its last arrival on, over restarts too', () =>
  inRoom(async ({ options: short, clock }) => {
    const options = { ...short, retentionMs: 60_000 }
    await withLog(options, async (log) => {
      await fill(log, 0, 1)
      clock.nowUs += 10_000_000
      await fill(log, 1, 2)
    })
    await withLog(options, async (log) => {
      clock.nowUs += 49_999_999
      await log.trim(3)
      assert.equal(log.start(), 0)
      clock.nowUs += 1
      await log.trim(3)
      assert.equal(log.start(), 1)
      clock.nowUs += 10_000_000
      await log.trim(3)
      assert.equal(log.start(), 2)
    })
  }))

test('trim without a retention gives back segments from a clock that has stepped back, too', () =>
  inRoom(async ({ options, clock }) => {
    await withLog(options, async (log) => {
      await fill(log, 0, 3)
      clock.nowUs -= 3_600_000_000
      await log.trim(2)
      assert.equal(log.start(), 2)
    })
  }))

test('trim refuses an offset beyond the end: the caller has the wrong log', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      await append(log, 0)
      await assert.rejects(log.trim(2), /trim to 2, but the log ends at 1/)
    })
  }))

test('segments are used again: the folder stays as small as it began', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      for (let number = 0; number < 100; number += 1) {
        await fill(log, number, 1)
        await log.trim(log.end())
      }
      assert(disk.names().length <= 6, disk.names().join(' '))
      assert.equal(log.stats().bytesOnDisk, disk.names().length * 16 * KIB)
    })
  }))

test('segments are removed when there are spares enough', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await fill(log, 0, 20)
      await log.trim(20)
      assert.equal(disk.names('.segment').length, 1)
      assert.equal(disk.names('.spare').length, 4)
    })
  }))

test('segments left half-made by a kill are removed at the start, and spares are kept', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      await fill(log, 0, 3)
      await log.trim(3)
    })
    disk.replace('spare-90.new', Buffer.alloc(100))
    disk.replace('spare-91.spare', Buffer.alloc(8 * KIB))
    const spares = disk.names('.spare').filter((name) => name !== 'spare-91.spare')
    await withLog(memory, async () => {
      assert.deepEqual(disk.names('.spare'), spares)
      assert.deepEqual(disk.names('.new'), [])
    })
  }))

test('segments of another size than configured are read, and the next have the new size', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, (log) => fill(log, 0, 2))
    const larger = { ...memory, segmentBytes: 32 * KIB }
    await withLog(larger, async (log) => {
      await append(log, 2, 1, 20 * KIB)
      const text = line(0, HALF_SEGMENT) + line(1, HALF_SEGMENT) + line(2, 20 * KIB)
      assert.equal(await readText(log, larger), text)
      await log.trim(3)
      assert.equal(disk.content('00000000000000000002.segment').length, 32 * KIB)
    })
  }))

test('empty segments are replaced when they are too small for an append of now', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async () => {})
    const larger = { ...memory, segmentBytes: 32 * KIB }
    await withLog(larger, async (log) => {
      await append(log, 0, 1, 20 * KIB)
      assert.equal(await readText(log, larger), line(0, 20 * KIB))
    })
    await withLog(larger, async (log) => assert.equal(log.end(), 1))
  }))

test('a used-up budget refuses with full, keeps what it has, and goes on after a trim', () =>
  inRoom(async ({ options: large }) => {
    const options = { ...large, bytesMax: 48 * KIB }
    await withLog(options, async (log) => {
      await fill(log, 0, 3)
      await assert.rejects(fill(log, 3, 1), (error: unknown) => {
        assert(error instanceof LogError && error.canRetry)
        assert.equal(error.facts.limit, 'bytesMax')
        return logError('full', /takes 49152 bytes of the 49152 it may take/)(error)
      })
      await assert.rejects(append(log, 3), logError('full'))
      assert.equal(log.end(), 3)
      await log.trim(1)
      await until(() => log.stats().full === null)
      assert.equal(await append(log, 3), 3)
      assert.equal((log.stats().bytesOnDisk ?? Infinity) <= 48 * KIB, true)
    })
  }))

test('the budget comes before the retention: what is in the tables goes early for new events', () =>
  inRoom(async ({ options: large }) => {
    const options = { ...large, bytesMax: 48 * KIB, retentionMs: 3_600_000 }
    await withLog(options, async (log) => {
      await fill(log, 0, 3)
      await log.trim(2)
      assert.equal(log.start(), 0)
      await fill(log, 3, 1)
      assert(log.start() >= 1)
      assert(log.stats().recycledEarly >= 1)
    })
  }))

test('below the disk reserve the log refuses with full, and goes on when the disk has room', () =>
  inRoom(async ({ options: plain, disk, clock }) => {
    const options = { ...plain, files: disk.files, diskReserveBytes: 1000 * KIB }
    await withLog(options, async (log) => {
      await append(log, 0)
      disk.freeBytes = 999 * KIB
      clock.nowUs += 1_000_000
      await append(log, 1)
      await until(() => log.stats().full !== null)
      await assert.rejects(
        append(log, 2),
        logError('full', /disk of .* has 1022976 bytes left.*`diskReserve`/),
      )
      disk.freeBytes = 2000 * KIB
      clock.nowUs += 100_000
      await assert.rejects(append(log, 2), logError('full'))
      await until(() => log.stats().full === null)
      assert.equal(await append(log, 2), 2)
    })
  }))

test('the disk reserve does not keep a log with events from being opened and read', () =>
  inRoom(async ({ options: plain, disk }) => {
    const options = { ...plain, files: disk.files, diskReserveBytes: 1000 * KIB }
    await withLog(options, (log) => fill(log, 0, 2))
    disk.freeBytes = 0
    await withLog(options, async (log) => {
      assert.equal(await readText(log, options), line(0, HALF_SEGMENT) + line(1, HALF_SEGMENT))
      await log.trim(2)
    })
  }))

test('a segment that was begun keeps its name in a power cut', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await fill(log, 0, 3)
      // Of the names, only those that were synced.
      const cut = disk.afterPowerCut(() => 0)
      const other = { ...options, files: cut.files, directory: `${options.directory}-cut` }
      await withLog(other, async (after) => {
        assert.equal(after.end(), 3)
        assert.equal(
          await readText(after, other),
          [0, 1, 2].map((number) => line(number, HALF_SEGMENT)).join(''),
        )
      })
    })
  }))

test('a new spare does not take the name of one that a former run left', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, (log) => fill(log, 0, 1))
    for (const name of disk.names('.spare')) await disk.files.remove(name)
    for (const number of [0, 1]) disk.replace(`spare-${number}.spare`, Buffer.alloc(16 * KIB))
    await withLog(memory, async (log) => {
      await fill(log, 1, 1)
      await log.trim(2)
      assert.equal(log.stats().bytesOnDisk, disk.names().length * 16 * KIB)
      await fill(log, 2, 3)
      const text = [1, 2, 3, 4].map((number) => line(number, HALF_SEGMENT)).join('')
      assert.equal(await readText(log, memory), text)
    })
  }))

test('close waits for the spare that is being made', () =>
  inRoom(async ({ options, disk }) => {
    const { write } = disk.files
    const began = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let isSlow = false
    const files = {
      ...disk.files,
      async write(file: number, pieces: readonly Uint8Array[], position: number) {
        if (isSlow && disk.names('.new').length > 0 && pieces[0]?.every((byte) => byte === 0)) {
          began.resolve()
          await goOn.promise
        }
        return await write(file, pieces, position)
      },
    }
    const log = await openLog({ ...options, files })
    isSlow = true
    // The first append looks for a spare, and there is none.
    await append(log, 0)
    await began.promise
    const closed = log.close().then(() => disk.names('.new'))
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done))
    goOn.resolve()
    assert.deepEqual(await closed, [])
    assert.equal(disk.openFiles, 0)
  }))
