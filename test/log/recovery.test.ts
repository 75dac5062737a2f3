/**
 * F5: what a start finds after any stop. A torn tail is cut and said; a flipped byte before it
 * stops the start.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogError, type LogOptions, openLog } from '../../src/log.ts'
import type { MemoryDisk } from './memory-disk.ts'
import { append, inRoom, line, lines, logError, readText, withLog } from './room.ts'

const SEGMENT = '00000000000000000000.segment'
const HEADER_BYTES = 4096

/**
 * Three frames with lines 0, 1–2 and 3, as a killed process leaves them. Positions are by hand: 32
 * bytes of header, 11 a line.
 */
async function killedLog(options: LogOptions, disk: MemoryDisk): Promise<MemoryDisk> {
  return await withLog({ ...options, files: disk.files }, async (log) => {
    await append(log, 0)
    await append(log, 1, 2)
    await append(log, 3)
    return disk.afterKill()
  })
}
const SECOND_FRAME = HEADER_BYTES + 48
const LAST_FRAME = SECOND_FRAME + 56
const END = LAST_FRAME + 48
const ALL = line(0) + line(1) + line(2) + line(3)
const ALL_BUT_LAST = line(0) + line(1) + line(2)

type Outcome = Readonly<{ text: string; torn: number | null; clean: boolean; next: string }>

/**
 * What a start finds; then one more line is appended and everything is found once more, after a
 * kill and a power cut.
 */
async function startOn(disk: MemoryDisk, options: LogOptions): Promise<Outcome> {
  const memory = { ...options, files: disk.files }
  const outcome = await withLog(memory, async (log) => {
    const text = await readText(log, memory)
    const { tornTail, cleanStop } = log.recovered
    if (tornTail !== null) assert.match(tornTail.message, /the last write was cut off/)
    await append(log, log.end())
    const after = disk.afterPowerCut(() => 0)
    return { text, torn: tornTail?.position ?? null, clean: cleanStop, after }
  })
  const later = { ...options, files: outcome.after.files }
  const next = await withLog(later, async (log) => {
    assert.equal(log.recovered.tornTail, null)
    return await readText(log, later)
  })
  return { text: outcome.text, torn: outcome.torn, clean: outcome.clean, next }
}

function flipped(disk: MemoryDisk, at: number, bits: number): MemoryDisk {
  const copy = disk.afterKill()
  const content = copy.content(SEGMENT)
  content[at] = (content[at] ?? 0) ^ bits
  return copy
}

test('a start finds after kill -9 what was answered, and says that there was no clean stop', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    const next = ALL + line(4)
    assert.deepEqual(await startOn(killed, options), {
      text: ALL,
      torn: null,
      clean: false,
      next,
    })
  }))

test('a start finds after close what was answered, and says that the stop was clean', () =>
  inRoom(async ({ options, disk }) => {
    await killedLog(options, disk)
    const next = ALL + line(4)
    const found = { text: ALL, torn: null, clean: true, next }
    // Every name is on this disk, and nothing that was not synced.
    assert.deepEqual(
      await startOn(
        disk.afterPowerCut(() => 0.999),
        options,
      ),
      found,
    )
    assert.deepEqual(await startOn(disk, options), found)
  }))

test('a start finds no remains of a write in a log that never held an event, each time', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    const headers: string[] = []
    for (let start = 1; start <= 3; start += 1) {
      await withLog(memory, async (log) => {
        const created = start === 1
        const found = { created, end: 0, cleanStop: !created, tornTail: null }
        assert.deepEqual(log.recovered, found)
      })
      headers.push(disk.content(SEGMENT).toString('hex', 0, 64))
    }
    assert.equal(new Set(headers).size, 1, 'the segment stays the one that it was')
  }))

test('a start cuts a last frame that ends too early, at every byte, and says where', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    const whole = killed.content(SEGMENT)
    // The last 5 of the 48 bytes are padding.
    for (let size = LAST_FRAME + 1; size < END - 5; size += 1) {
      killed.replace(SEGMENT, Buffer.from(whole.subarray(0, size)))
      const next = ALL_BUT_LAST + line(3)
      const expected = { text: ALL_BUT_LAST, torn: LAST_FRAME, clean: false, next }
      assert.deepEqual(await startOn(killed, options), expected, `${size} bytes`)
      assert.equal(killed.content(SEGMENT).length, whole.length)
    }
  }))

test('a start cuts a last frame whose end is zeros, from every byte, and says where', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    const whole = killed.content(SEGMENT)
    // From its first byte on nothing is left to be said; its offset, at 24, is 3 in one byte.
    for (let from = LAST_FRAME + 1; from < END - 5; from += 1) {
      const zeroed = Buffer.from(whole)
      zeroed.fill(0, from)
      killed.replace(SEGMENT, zeroed)
      const outcome = await startOn(killed, options)
      assert.equal(outcome.text, ALL_BUT_LAST, `zeros from ${from}`)
      assert.equal(outcome.next, ALL_BUT_LAST + line(3))
      if (from >= LAST_FRAME + 4) assert.equal(outcome.torn, LAST_FRAME, `zeros from ${from}`)
    }
  }))

test('a start stops at any flipped byte before the last frame, says where, changes nothing', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    const padding = [
      [4139, 4144],
      [SECOND_FRAME + 54, LAST_FRAME],
    ]
    for (let at = HEADER_BYTES; at < LAST_FRAME; at += 1) {
      if (padding.some(([from = 0, to = 0]) => at >= from && at < to)) continue
      const found = flipped(killed, at, 0x10)
      const content = Buffer.from(found.content(SEGMENT))
      const position = at < SECOND_FRAME ? HEADER_BYTES : SECOND_FRAME
      const offset = at < SECOND_FRAME ? 0 : 1
      await assert.rejects(openLog({ ...options, files: found.files }), (error: unknown) => {
        logError('damaged', new RegExp(`${SEGMENT}, byte ${position}, offset ${offset}`))(error)
        assert(error instanceof LogError)
        assert.equal(error.facts.position, position)
        assert.equal(error.facts.offset, offset)
        return true
      })
      assert.deepEqual(found.content(SEGMENT), content)
    }
  }))

test('a start cuts a last frame with a flipped byte after a kill, stops after a clean stop', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    for (let at = LAST_FRAME; at < END - 5; at += 1) {
      const cut = flipped(killed, at, 0x04)
      const outcome = await startOn(cut, options)
      assert.deepEqual([outcome.text, outcome.torn], [ALL_BUT_LAST, LAST_FRAME])
      const opening = openLog({ ...options, files: flipped(disk, at, 0x04).files })
      await assert.rejects(opening, logError('damaged', /with a whole frame behind it/))
    }
  }))

test('a start stops at any flipped byte in the header of a segment', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    for (let at = 0; at < 64; at += 1) {
      const found = flipped(killed, at, 0x80)
      await assert.rejects(openLog({ ...options, files: found.files }), logError('damaged'))
    }
  }))

test('a start stops when a segment in the middle is missing, or is of another log', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      for (let number = 0; number < 4; number += 1) await append(log, number, 1, 12_000)
    })
    const [, , middle, last] = disk.names('.segment')
    for (const offset of [1, 2]) {
      const gap = disk.afterKill()
      await gap.files.remove(disk.names('.segment')[offset] ?? '')
      const missing = new RegExp(`segment from offset ${offset} on is missing`)
      await assert.rejects(openLog({ ...options, files: gap.files }), logError('damaged', missing))
    }
    const gap = disk.afterKill()
    await gap.files.remove(middle ?? '')

    const foreign = disk.afterKill()
    const other = gap.afterKill()
    for (const name of other.names()) await other.files.remove(name)
    await withLog({ ...options, files: other.files }, async (log) => {
      for (let number = 0; number < 4; number += 1) await append(log, number, 1, 12_000)
    })
    foreign.replace(last ?? '', other.content(last ?? ''))
    const mixed = openLog({ ...options, files: foreign.files })
    await assert.rejects(mixed, logError('damaged', /segments of two logs/))
  }))

test('a start finds another id when the log was created anew (F11)', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    const id = await withLog(memory, async (log) => log.id)
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(await withLog(memory, async (log) => log.id), id)
    for (const name of disk.names('.segment')) await disk.files.remove(name)
    await withLog(memory, async (log) => {
      assert.notEqual(log.id, id)
      assert.equal(log.recovered.created, true)
      assert.equal(log.end(), 0)
    })
  }))

test('a start takes lines that look like frames for what they are: lines', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      await append(log, 0)
      // All that was written so far, in one line: a frame with the right mark and checksum.
      const copy = Buffer.from(disk.content(SEGMENT).subarray(HEADER_BYTES, HEADER_BYTES + 48))
      await log.append(Buffer.concat([copy, Buffer.from('\n')]), 1, log.stampUs())
      const found = disk.afterKill()
      // The header of the frame that holds it is lost.
      found.content(SEGMENT).fill(0, HEADER_BYTES + 48, HEADER_BYTES + 80)
      // Its offset is lower than the one that follows, so it is not taken for a frame behind a
      // bad one.
      const later = { ...options, files: found.files, directory: `${options.directory}-2` }
      await withLog(later, async (next) => assert.equal(await readText(next, later), line(0)))
    })
  }))

test('a start takes what a recycled segment held before for nothing', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      // Frames of 1024 bytes, twelve to a segment, so that the old ones stand where the new ones
      // go.
      const bytes = 1024 - 32
      for (let number = 0; number < 60; number += 1) {
        await log.append(lines(number, 1, bytes), 1, log.stampUs())
        await log.trim(log.end())
        const found = disk.afterKill()
        const later = { ...options, files: found.files, directory: `${options.directory}-2` }
        await withLog(later, async (next) => {
          assert.equal(next.end(), number + 1)
          assert.equal(next.recovered.tornTail, null)
          const from = next.start()
          const expected = lines(from, number + 1 - from, bytes).toString()
          assert.equal(await readText(next, later), expected)
        })
      }
      assert.equal(log.start() >= 48, true)
      assert.equal(disk.names().length <= 6, true)
    })
  }))

test('a start reads the last segment in large pieces, not frame by frame', () =>
  inRoom(async ({ options, disk }) => {
    const memory = { ...options, files: disk.files }
    await withLog(memory, async (log) => {
      for (let number = 0; number < 100; number += 1) await append(log, number)
    })
    let reads = 0
    disk.fault = (operation) => {
      if (operation === 'read') reads += 1
      return null
    }
    await withLog(memory, async (log) => assert.equal(log.end(), 100))
    // The header, the frames, what may lie behind them, and the last of them to be written again.
    assert(reads <= 5, `${reads} reads`)
  }))

test('a start finds the frame behind a bad one however little a read gives', () =>
  inRoom(async ({ options, disk }) => {
    const killed = await killedLog(options, disk)
    const found = flipped(killed, HEADER_BYTES + 40, 0x10)
    const { read } = found.files
    for (let most = 32; most <= 64; most += 1) {
      const files = {
        ...found.files,
        read: (file: number, into: Uint8Array, position: number) =>
          read(file, position < HEADER_BYTES ? into : into.subarray(0, most), position),
      }
      const behind = new RegExp(`whole frame behind it at byte ${SECOND_FRAME}`)
      await assert.rejects(openLog({ ...options, files }), logError('damaged', behind))
    }
  }))
