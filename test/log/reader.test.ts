/** Reading: from any offset, over segments, from another thread, and never past an error. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import {
  inspectLog,
  type Log,
  LogError,
  type LogReader,
  openEventReader,
  openLogReader,
} from '../../src/log.ts'
import { append, inRoom, KIB, line, logError, type Room, readFrames, withLog } from './room.ts'

type Reading = Room & Readonly<{ log: Log; reader: LogReader }>

async function reading(run: (all: Reading) => Promise<void>): Promise<void> {
  await inRoom(async (room) => {
    const options = { ...room.options, files: room.disk.files }
    await withLog(options, async (log) => {
      const { directory, files } = options
      const reader = await openLogReader({ directory, cursor: log.cursor, files })
      try {
        await run({ ...room, options, log, reader })
      } finally {
        await reader.close()
      }
    })
  })
}

test('a reader finds the frame that holds an offset, wherever in it the offset is', () =>
  reading(async ({ log, reader }) => {
    assert.equal(reader.id, log.id)
    // Frames of three lines; every third fills a segment.
    for (let number = 0; number < 90; number += 3) await append(log, number, 3, KIB)
    const offsets = [0, 1, 2, 3, 89, 44, 45, 46, 47, 10, 11, 12, 88, 48, 0]
    for (const offset of offsets) {
      const frame = await reader.next(offset, 0)
      const first = offset - (offset % 3)
      assert.equal(frame?.firstOffset, first)
      assert.equal(frame?.count, 3)
      const text = line(first, KIB) + line(first + 1, KIB) + line(first + 2, KIB)
      assert.equal(Buffer.from(frame?.bytes ?? []).toString(), text)
    }
  }))

test('a reader follows the log over segments while it is written and trimmed', () =>
  reading(async ({ log, reader, disk }) => {
    for (let number = 0; number < 200; number += 1) {
      await append(log, number, 1, 100 + (number % 7) * KIB)
      if (number % 3 !== 0) continue
      for (let offset = reader.end() - (number === 0 ? 1 : 3); offset < reader.end(); ) {
        const frame = await reader.next(offset, 0)
        assert.equal(frame?.firstOffset, offset)
        const text = Buffer.from(frame?.bytes ?? []).toString()
        assert.equal(text, line(offset, 100 + (offset % 7) * KIB))
        offset += 1
      }
      await log.trim(reader.end())
    }
    assert(reader.start() > 150)
    assert(disk.names().length < 10)
  }))

test('a reader does not take what it read ahead of the durable end for what is there later', () =>
  reading(async ({ log, reader }) => {
    await append(log, 0)
    // The hint in slot 3 says that the durable frames end where the file does.
    new BigInt64Array(log.cursor)[3] = 16_384n
    assert.equal((await reader.next(0, 0))?.firstOffset, 0)
    await append(log, 1)
    const frame = await reader.next(1, 0)
    assert.equal(Buffer.from(frame?.bytes ?? []).toString(), line(1))
  }))

test('a reader reads on over seals, which starts leave in the middle', () =>
  inRoom(async ({ options }) => {
    for (let number = 0; number < 5; number += 1) {
      await withLog(options, async (log) => {
        await append(log, number)
        const texts = (await readFrames(log, options)).map(({ text }) => text)
        assert.deepEqual(
          texts,
          [0, 1, 2, 3, 4].slice(0, number + 1).map((one) => line(one)),
        )
      })
    }
  }))

test('a reader waits for the next frame, and gives null when there is none in time', () =>
  reading(async ({ log, reader }) => {
    assert.equal(await reader.next(0, 0), null)
    assert.equal(await reader.next(0, 5), null)
    const next = reader.next(0, 60_000)
    await append(log, 0)
    assert.equal((await next)?.firstOffset, 0)
  }))

test('a reader that is closed ends its waiting with null, and then says closed', () =>
  reading(async ({ reader }) => {
    const next = reader.next(0, 60_000)
    await reader.close()
    assert.equal(await next, null)
    await assert.rejects(reader.next(0, 0), logError('closed'))
  }))

test('a reader says beyond-end for an offset that the log has not reached (F11)', () =>
  reading(async ({ log, reader }) => {
    await append(log, 0, 2)
    await assert.rejects(reader.next(3, 60_000), (error: unknown) => {
      assert(error instanceof LogError)
      assert.deepEqual(error.facts, { offset: 3, end: 2 })
      return logError('beyond-end', /ends at offset 2, and 3 is asked for/)(error)
    })
  }))

test('a reader says trimmed for an offset that is no longer held (F11)', () =>
  reading(async ({ log, reader }) => {
    for (let number = 0; number < 4; number += 1) await append(log, number, 1, 8 * KIB)
    await reader.next(0, 0)
    await log.trim(2)
    for (const offset of [0, 1]) {
      await assert.rejects(reader.next(offset, 0), (error: unknown) => {
        assert(error instanceof LogError)
        assert.deepEqual(error.facts, { offset, start: 2 })
        return logError('trimmed', /begins at offset 2/)(error)
      })
    }
    assert.equal((await reader.next(2, 0))?.firstOffset, 2)
  }))

test('a reader stops at a flipped byte with file, byte and offset, and never passes it (F5)', () =>
  reading(async ({ log, reader, disk }) => {
    for (let number = 0; number < 4; number += 1) await append(log, number, 1, 8 * KIB)
    const content = disk.content('00000000000000000001.segment')
    content[5000] = (content[5000] ?? 0) ^ 1
    assert.equal((await reader.next(0, 0))?.firstOffset, 0)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assert.rejects(reader.next(1, 0), (error: unknown) => {
        assert(error instanceof LogError)
        const { fault, offset, position } = error.facts
        assert.deepEqual([fault, offset, position], ['wrong checksum', 1, 4096])
        return logError('damaged', /0001\.segment, byte 4096, offset 1/)(error)
      })
    }
    assert.equal((await reader.next(2, 0))?.firstOffset, 2)
  }))

test('a reader stops at a segment that was removed behind its back', () =>
  reading(async ({ log, reader, disk }) => {
    for (let number = 0; number < 4; number += 1) await append(log, number, 1, 8 * KIB)
    await reader.next(0, 0)
    await disk.files.remove('00000000000000000001.segment')
    await assert.rejects(reader.next(1, 0), logError('damaged'))
  }))

test('a reader finds out when a segment is given back and written over while it is read', () =>
  reading(async ({ log, reader, disk }) => {
    for (let number = 0; number < 4; number += 1) await append(log, number, 1, 8 * KIB)
    await reader.next(0, 0)
    let trimmed: Promise<void> | null = null
    const { read } = disk.files
    Object.assign(disk.files, {
      read: async (file: number, into: Uint8Array, position: number) => {
        const bytes = await read(file, into, position)
        trimmed ??= log.trim(4)
        await trimmed
        return bytes
      },
    })
    await assert.rejects(reader.next(1, 0), logError('trimmed'))
  }))

test('a reader is used by one caller at a time', () =>
  reading(async ({ reader }) => {
    const first = reader.next(0, 20)
    await assert.rejects(reader.next(0, 0), /before it has settled/)
    assert.equal(await first, null)
  }))

test('in a thread, a reader sees each line once, in order, when durable, without blocking it', () =>
  inRoom(async ({ options }) => {
    await withLog(options, async (log) => {
      const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), {
        workerData: { directory: options.directory, cursor: log.cursor, count: 500 },
      })
      const done = Promise.withResolvers<{ text: string; turns: number }>()
      worker.once('message', done.resolve)
      worker.once('error', done.reject)
      for (let number = 0; number < 500; number += 1) {
        await append(log, number, 1, 200)
        if (number % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const { text, turns } = await done.promise
      await worker.terminate()
      assert.equal(text, Array.from({ length: 500 }, (_, number) => line(number, 200)).join(''))
      assert(turns > 0)
    })
  }))

test('an inspection tells what a log holds, with or without its process, and changes nothing', () =>
  inRoom(async ({ options, directory, disk }) => {
    assert.equal(await inspectLog(directory), null)
    const memory = { ...options, files: disk.files }
    const id = await withLog(memory, async (log) => {
      for (let number = 0; number < 4; number += 1) await append(log, number, 1, 8 * KIB)
      await log.trim(2)
      const seen = await inspectLog(directory, disk.files)
      const { bytesOnDisk: bytes } = log.stats()
      assert.deepEqual(seen, { id: log.id, start: 2, end: 4, bytes })
      return log.id
    })
    const before = disk.names().map((name) => Buffer.from(disk.content(name)))
    const seen = await inspectLog(directory, disk.files)
    assert.deepEqual([seen?.id, seen?.start, seen?.end], [id, 2, 4])
    assert.deepEqual(
      disk.names().map((name) => disk.content(name)),
      before,
    )
  }))

test('an inspection counts the files of events and spares, and no others', () =>
  inRoom(async ({ options, directory }) => {
    await withLog(options, async (log) => {
      for (let number = 0; number < 3; number += 1) await append(log, number, 1, 8 * KIB)
      await writeFile(join(directory, 'notes.txt'), 'not of the log')
    })
    const names = (await readdir(directory)).filter((name) => /\.(segment|spare)$/.test(name))
    assert.equal((await inspectLog(directory))?.bytes, names.length * 16 * KIB)
  }))

test('an inspection takes what is appended while it reads for no damage', () =>
  inRoom(async ({ options, directory, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await append(log, 0)
      const { read } = disk.files
      const files = {
        ...disk.files,
        async read(file: number, into: Uint8Array, position: number) {
          const bytes = await read(file, into, position)
          if (position >= 4096) for (const _ of [1, 2]) await append(log, log.end())
          return bytes
        },
      }
      const seen = await inspectLog(directory, files)
      assert(seen !== null && seen.end >= 1 && seen.end < log.end())
    })
  }))

test('an inspection looks five times before it calls a log damaged', () =>
  inRoom(async ({ options, directory, disk }) => {
    await withLog({ ...options, files: disk.files }, (log) => append(log, 0))
    disk.content('00000000000000000000.segment').fill(0, 0, 4)
    let looks = 0
    disk.fault = (operation) => {
      if (operation === 'list') looks += 1
      return null
    }
    await assert.rejects(inspectLog(directory, disk.files), logError('damaged', /no header/))
    assert.equal(looks, 5)
  }))

test('a reader stops at a segment whose header is damaged', () =>
  reading(async ({ log, reader, disk }) => {
    for (let number = 0; number < 3; number += 1) await append(log, number, 1, 8 * KIB)
    disk.content('00000000000000000001.segment').fill(0, 0, 4)
    assert.equal((await reader.next(0, 0))?.firstOffset, 0)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assert.rejects(reader.next(1, 0), logError('damaged', /no header.*0001\.segment/))
    }
    assert.equal((await reader.next(2, 0))?.firstOffset, 2)
  }))

test('a job that can open no file is told why nothing is read, and when reading goes on', () =>
  inRoom(async ({ directory }) => {
    const script = new URL('./starved-reader.ts', import.meta.url).pathname
    const limited = `ulimit -n 100 && exec "$0" "$1" "$2"`
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      limited,
      process.execPath,
      script,
      directory,
    ])
    const { offsets, messages } = JSON.parse(stdout) as Record<string, (string | number)[]>
    assert.deepEqual(offsets, [0, null, null, 1, 2])
    const reason = /^log: cannot read .*log from offset 1 on: EMFILE/
    assert.equal(messages?.length, 3)
    for (const at of [0, 1]) assert.match(String(messages?.[at]), reason)
    assert.equal(messages?.[2], null)
  }))

test('a topic is opened as a topic, whatever its place lacks', async () => {
  const place = { kind: 'kafka', brokers: ['127.0.0.1:1'], topic: 't', sasl: null } as const
  const tls = { caFile: '/nonexistent/ca.pem', certFile: null, keyFile: null }
  const opening = openEventReader({
    place: { ...place, partitions: 1, replication: 1, tls },
    cursor: new SharedArrayBuffer(32),
    steadyMs: () => 0,
    onStalled: () => {},
  })
  await assert.rejects(opening, logError('denied', /^kafka: .*\/nonexistent\/ca\.pem/))
})
