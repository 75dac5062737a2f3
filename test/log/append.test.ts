/** Appending: offsets, groups, arrival times, and what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog } from '../../src/log.ts'
import {
  append,
  inRoom,
  KIB,
  line,
  lines,
  logError,
  readFrames,
  START_US,
  withLog,
} from './room.ts'

test('append gives each line its offset, from 0 without gaps, and keeps the bytes', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      assert.equal(log.end(), 0)
      assert.equal(await append(log, 0, 3), 0)
      assert.equal(await append(log, 3, 2), 3)
      assert.equal(log.end(), 5)
      const frames = await readFrames(log, options)
      assert.deepEqual(frames, [
        { firstOffset: 0, count: 3, arrivalUs: START_US, text: line(0) + line(1) + line(2) },
        { firstOffset: 3, count: 2, arrivalUs: START_US, text: line(3) + line(4) },
      ])
    })
  }))

test('append writes simultaneous lines as one frame, in order, with the last arrival', () =>
  inRoom(async ({ options, clock }) => {
    await withLog(options, async (log) => {
      const offsets = [0, 1, 2, 3].map((number) => {
        clock.nowUs += 1
        return append(log, number)
      })
      assert.deepEqual(await Promise.all(offsets), [0, 1, 2, 3])
      const frames = await readFrames(log, options)
      const text = line(0) + line(1) + line(2) + line(3)
      assert.deepEqual(frames, [{ firstOffset: 0, count: 4, arrivalUs: START_US + 4, text }])
    })
  }))

test('append keeps the order of small and large lines that go together', () =>
  inRoom(async ({ options: small }) => {
    const options = {
      ...small,
      segmentBytes: 1024 * KIB,
      bytesMax: 8192 * KIB,
      groupBytesMax: 512 * KIB,
      waitingBytesMax: 1024 * KIB,
    }
    const sizes = [10, 40 * KIB, 20, 30, 17 * KIB, 100 * KIB, 16 * KIB, 15 * KIB, 1]
    await withLog(options, async (log) => {
      const appends = sizes.map((bytes, number) => append(log, number, 1, bytes))
      assert.deepEqual(await Promise.all(appends), [0, 1, 2, 3, 4, 5, 6, 7, 8])
      const [frame, ...others] = await readFrames(log, options)
      assert.equal(frame?.text, sizes.map((bytes, number) => line(number, bytes)).join(''))
      assert.deepEqual(others, [])
    })
  }))

test('append takes 9 MiB in one append, and finds them after a restart', () =>
  inRoom(async ({ options: small }) => {
    const mib = 1024 * KIB
    const options = {
      ...small,
      segmentBytes: 16 * mib,
      bytesMax: 64 * mib,
      groupBytesMax: mib,
      waitingBytesMax: mib,
    }
    await withLog(options, async (log) => {
      await append(log, 0)
      assert.equal(await append(log, 1, 9, mib), 1)
      await append(log, 10)
    })
    await withLog(options, async (log) => {
      const frames = await readFrames(log, options)
      assert.deepEqual(
        frames.map(({ firstOffset }) => firstOffset),
        [0, 1, 10],
      )
      assert.equal(frames[1]?.text, lines(1, 9, mib).toString())
    })
  }))

test('append splits what comes at once into groups of the size allowed', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      const appends = Array.from({ length: 10 }, (_, number) => append(log, number, 1, 1000))
      await Promise.all(appends)
      const counts = (await readFrames(log, options)).map(({ count }) => count)
      assert.deepEqual(counts, [4, 4, 2])
    })
  }))

test('append refuses with busy when too much waits, and takes more later', () =>
  inRoom(async ({ options: small }) => {
    const options = { ...small, waitingBytesMax: 2 * KIB }
    await withLog(options, async (log) => {
      const first = append(log, 0, 1, 1500)
      await assert.rejects(append(log, 1, 1, 1500), (error: Error) => {
        assert.equal('canRetry' in error && error.canRetry, true)
        return logError('busy', /1500 bytes wait/)(error)
      })
      assert.equal(await first, 0)
      assert.equal(await append(log, 1, 1, 1500), 1)
      assert.equal(await append(log, 2, 1, 3 * KIB), 2)
    })
  }))

test('append refuses an append that no segment can hold, and takes the largest that one can', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      // 16 KiB less the header's page, a frame's header, and a seal before and behind: 3 × 32
      // bytes.
      const largest = 12 * KIB - 96
      await assert.rejects(append(log, 0, 1, largest + 1), logError('too-large', /12193 bytes/))
      assert.equal(await append(log, 0, 1, largest), 0)
      assert.equal(await append(log, 1, 1, largest), 1)
      assert.deepEqual((await readFrames(log, options)).length, 2)
    })
  }))

test('append says closed after close, and answers what was appended before', () =>
  inRoom(async ({ options }) => {
    const log = await openLog(options)
    const last = append(log, 0)
    await log.close()
    assert.equal(await last, 0)
    await assert.rejects(append(log, 1), logError('closed'))
  }))

test('append takes lines only: at least one, ended by LF', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      const stampUs = log.stampUs()
      assert.throws(() => log.append(Buffer.from('{}'), 1, stampUs), /ended by LF/)
      assert.throws(() => log.append(Buffer.alloc(0), 0, stampUs), /ended by LF/)
      assert.throws(() => log.append(lines(0, 1), 1, 0.5), /stampUs/)
    })
  }))

test('arrival times follow the clock, even back, over restarts; offsets give the order (F17)', () =>
  inRoom(async ({ options, clock }) => {
    const arrivals = [START_US, START_US - 3_600_000_000, START_US + 7]
    const texts = [line(0), line(1), line(2)]
    for (const [number, nowUs] of arrivals.entries()) {
      clock.nowUs = nowUs + 0.75
      await withLog(options, async (log) => {
        assert.equal(log.stampUs(), nowUs)
        assert.equal(await append(log, number), number)
      })
    }
    await withLog(options, async (log) => {
      const frames = await readFrames(log, options)
      assert.deepEqual(
        frames.map(({ firstOffset, arrivalUs, text }) => [firstOffset, arrivalUs, text]),
        arrivals.map((arrivalUs, number) => [number, arrivalUs, texts[number]]),
      )
    })
  }))

test('the counts are of all appends, and of the groups in which they were written', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      await Promise.all([append(log, 0), append(log, 1, 2)])
      await append(log, 3)
      const { appends, groups, lines: lineCount, bytes, commitUs, waitingBytes } = log.stats()
      assert.deepEqual(
        { appends, groups, lineCount, bytes, commitUs, waitingBytes },
        // Each line has 11 bytes, and the clock stands.
        { appends: 3, groups: 2, lineCount: 4, bytes: 44, commitUs: 0, waitingBytes: 0 },
      )
    })
  }))

test('each step of a write and of the stop is reported, in order', () =>
  inRoom(async ({ options }) => {
    const steps: string[] = []
    await withLog({ ...options, onStep: (step) => steps.push(step) }, (log) => append(log, 0))
    assert.deepEqual(
      steps.filter((step) => /^(frame|tail)-/.test(step)),
      ['frame-written', 'frame-synced', 'frame-answered', 'tail-sealed'],
    )
  }))

test('a log can be closed again, which does nothing, and still tells its counts', () =>
  inRoom(async ({ options }) => {
    const log = await openLog(options)
    await append(log, 0)
    await log.close()
    await log.close()
    const { full, groups, end } = log.stats()
    assert.deepEqual({ full, groups, end }, { full: null, groups: 1, end: 1 })
  }))

test('a segment has 64 MiB unless another size is asked for', () =>
  inRoom(async ({ directory, disk }) => {
    const mib = 1024 * KIB
    const limits = { retentionMs: 0, diskReserveBytes: 0, bytesMax: 192 * mib }
    const options = { directory, nowUs: () => START_US, files: disk.files, ...limits }
    await assert.rejects(openLog({ ...options, bytesMax: 192 * mib - 1 }), /three segments/)
    disk.freeBytes = 64 * mib - 1
    await assert.rejects(openLog(options), logError('full', /67108863 bytes left, and 67108864 /))
  }))
