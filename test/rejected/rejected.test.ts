/**
 * What is kept of rejected events, and that its count never lies: over restarts, crashes and a full
 * disk budget.
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import {
  appendFile,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { promisify } from 'node:util'
import {
  countRejected,
  type KeptEvent,
  listRejected,
  markReplayed,
  openRejected,
  RejectedError,
  type RejectedOptions,
  type RejectedRecord,
  type RejectedStore,
  replayBody,
} from '../../src/rejected.ts'

/** 2026-11-22T10:00:00.000001Z, counted by hand from `date -u -d`. */
const ARRIVAL_US = 1_795_341_600_000_001

let root = ''
let directory = ''
let nowUs = 0
let warnings: string[] = []
let stores: RejectedStore[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'campaign-metrics-rejected-'))
  directory = join(root, 'warehouse', 'rejected')
  nowUs = ARRIVAL_US
  warnings = []
  stores = []
})

afterEach(async () => {
  for (const store of stores) await store.close()
  await rm(root, { recursive: true, force: true })
})

async function open(more: Partial<RejectedOptions> = {}): Promise<RejectedStore> {
  const store = await openRejected({
    directory,
    source: 'collector',
    bytesMax: 1024 * 1024,
    nowUs: () => nowUs,
    warn: (message) => warnings.push(message),
    ...more,
  })
  stores.push(store)
  return store
}

function record(bytes: string | Uint8Array, more: Partial<RejectedRecord> = {}): RejectedRecord {
  return { bytes: Buffer.from(bytes), reason: 'syntax', arrivalUs: ARRIVAL_US, ...more }
}

function repeat(times: number, bytes = 'x'.repeat(100)): RejectedRecord[] {
  return Array.from({ length: times }, () => record(bytes))
}

async function list(): Promise<KeptEvent[]> {
  const events: KeptEvent[] = []
  for await (const event of listRejected(directory)) events.push(event)
  return events
}

async function newestPath(): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ndjson')).sort()
  return join(directory, names.at(-1) ?? '')
}

test('what is kept is a line: raw text, reason and arrival time in microseconds', async () => {
  const store = await open()
  await store.keep([record('{"event_id":"a"\n,}', { reason: 'timestamp-early', offset: 77 })])
  const [, line] = (await readFile(await newestPath(), 'utf8')).split('\n')
  assert.deepEqual(JSON.parse(line ?? ''), {
    arrived: '2026-11-22T10:00:00.000001Z',
    reason: 'timestamp-early',
    explanation: 'timestamp: before 2000-01-01T00:00:00Z',
    offset: 77,
    event: '{"event_id":"a"\n,}',
  })
})

test('text is kept as text where escaping at most doubles it, and as base64 beyond', async () => {
  const store = await open()
  // One byte a quote, two characters escaped; \u0001 takes six.
  await store.keep([record('"'.repeat(10)), record('aa\u0001'.repeat(10))])
  const [, ...lines] = (await readFile(await newestPath(), 'utf8')).trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => Object.keys(JSON.parse(line)).at(-1)),
    ['event', 'base64'],
  )
})

test('a kept event is listed with its reason, the explanation and its arrival', async () => {
  const store = await open()
  await store.keep([record('x', { reason: 'timestamp-early' })])
  const [{ reason, explanation, arrived } = assert.fail()] = await list()
  assert.deepEqual(
    [reason, explanation, arrived],
    ['timestamp-early', 'timestamp: before 2000-01-01T00:00:00Z', '2026-11-22T10:00:00.000001Z'],
  )
})

test('what is kept comes back byte for byte, whatever the bytes are', async () => {
  const hostile = [
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('nearly text \xff', 'latin1'),
    Buffer.from('\ufeff{"bom":1}'),
    Buffer.from('{"a":"\u0000\u2028\r\n"}'),
    Buffer.from(''),
    Buffer.alloc(5000, 1),
    Buffer.from('"\\ud800"'),
    Buffer.from('{"__proto__":{"toString":1}}'),
    Buffer.from('="formula"'),
    Buffer.alloc(3_000_000, 'ü'),
  ]
  const store = await open({ bytesMax: 2 ** 24 })
  await store.keep(hostile.map((bytes) => record(bytes)))
  const kept = await list()
  assert.equal(kept.length, hostile.length)
  for (const [at, bytes] of hostile.entries()) {
    assert.ok(bytes.equals(kept[at]?.bytes ?? Buffer.of()), `event ${at}`)
  }
})

test('over many calls at once the order is kept, and each counts when it resolves', async () => {
  const store = await open()
  const calls = Array.from({ length: 200 }, (_, at) => store.keep([record(`event ${at}`)]))
  await calls[0]
  assert.ok(store.stats().total >= 1)
  await Promise.all(calls)
  assert.equal(store.stats().total, 200)
  const texts = (await list()).map(({ bytes }) => Buffer.from(bytes).toString())
  assert.deepEqual(
    texts,
    Array.from({ length: 200 }, (_, at) => `event ${at}`),
  )
})

test('no folder and no file is made before the first rejected event', async () => {
  const store = await open()
  await store.keep([])
  await assert.rejects(stat(directory), { code: 'ENOENT' })
  assert.equal(await countRejected(directory), 0)
  assert.deepEqual(await list(), [])
})

test('the count goes on after a restart, over rotated files, and two sources add up', async () => {
  const store = await open({ fileBytesMax: 2000 })
  for (let round = 0; round < 10; round++) await store.keep(repeat(7))
  await store.close()
  const job = await open({ source: 'job' })
  await job.keep([record('from kafka', { offset: 12 })])
  const files = (await readdir(directory)).filter((name) => name.startsWith('collector-'))
  assert.ok(files.length >= 4, files.join())
  assert.equal((await open()).stats().total, 70)
  assert.equal(await countRejected(directory), 71)
  assert.equal((await list()).length, 71)
})

test('a restart goes on in the newest file', async () => {
  for (let run = 0; run < 3; run++) {
    const store = await open()
    await store.keep([record(`run ${run}`)])
    await store.close()
  }
  assert.deepEqual(await readdir(directory), ['collector-00000001.ndjson'])
  const store = await open({ fileBytesMax: 1 })
  await store.keep([record('the next file')])
  assert.deepEqual((await readdir(directory)).sort(), [
    'collector-00000001.ndjson',
    'collector-00000002.ndjson',
  ])
})

test('the bytes in use are those of all files, from the start and after a restart', async () => {
  const bytesOnDisk = async (): Promise<number> => {
    const files = (await readdir(directory)).map((name) => stat(join(directory, name)))
    return (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0)
  }
  const store = await open({ fileBytesMax: 1000 })
  assert.equal(store.stats().bytes, 0)
  for (let round = 0; round < 5; round++) await store.keep(repeat(7))
  assert.equal(store.stats().bytes, await bytesOnDisk())
  await store.close()
  assert.equal((await open()).stats().bytes, await bytesOnDisk())
})

test('the count stays what it was when older files are removed', async () => {
  const store = await open({ fileBytesMax: 500 })
  for (let round = 0; round < 5; round++) await store.keep(repeat(5))
  await store.close()
  const names = (await readdir(directory)).sort()
  for (const name of names.slice(0, -1)) await rm(join(directory, name))
  assert.equal((await open()).stats().total, 25)
})

test('the count leaves out a torn last line, cuts it, and goes on behind it', async () => {
  const store = await open()
  await store.keep([record('one'), record('two')])
  await store.close()
  await appendFile(await newestPath(), '{"arrived":"2026-11-22T10:00')
  assert.equal(await countRejected(directory), 2)
  const again = await open()
  assert.equal(again.stats().total, 2)
  await again.keep([record('three')])
  const texts = (await list()).map(({ bytes }) => Buffer.from(bytes).toString())
  assert.deepEqual(texts, ['one', 'two', 'three'])
})

test('cut at any byte, the newest file counts whole lines and gets its heading back', async () => {
  const store = await open({ fileBytesMax: 300 })
  await store.keep(repeat(3))
  await store.keep([record('four'), record('five')])
  await store.close()
  const path = await newestPath()
  const whole = await readFile(path)
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length))
    const lines = whole.subarray(0, length).toString().split('\n').length - 1
    const again = await open({ fileBytesMax: 300 })
    assert.equal(again.stats().total, 3 + Math.max(0, lines - 1), `cut at ${length}`)
    await again.close()
  }
})

test('a file that was made and not begun yet does not hide the count before it', async () => {
  const store = await open()
  await store.keep([record('one'), record('two')])
  await writeFile(join(directory, 'collector-00000002.ndjson'), '')
  assert.equal(await countRejected(directory), 2)
})

test('a job is told the highest log offset that is kept, over rotation and restart', async () => {
  const store = await open({ source: 'job', fileBytesMax: 200 })
  assert.equal(store.stats().lastOffset, null)
  await store.keep([record('a', { offset: 5 }), record('b', { offset: 9 })])
  assert.equal(store.stats().lastOffset, 9)
  await store.keep([record('c', { offset: 30 })])
  await store.close()
  assert.equal((await open({ source: 'job' })).stats().lastOffset, 30)
})

test('the count refuses to guess when the newest file was damaged', async () => {
  const store = await open()
  await store.keep([record('one')])
  await store.close()
  await writeFile(await newestPath(), 'not a heading\n')
  await assert.rejects(
    open(),
    (error) => error instanceof RejectedError && error.code === 'damaged',
  )
})

const SMALL = { bytesMax: 4000, fileBytesMax: 1000 }

test('past the size limit only counts by reason are kept, reported once and shown', async () => {
  const store = await open(SMALL)
  for (let round = 0; round < 20; round++) await store.keep(repeat(3))
  await store.keep([record('last', { reason: 'utf8' })])
  assert.equal(store.stats().keepingCountsOnly, true)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /NOT kept/)
  assert.equal(store.stats().total, 61)
  const kept = await list()
  assert.ok(kept.length > 3 && kept.length < 30)
  assert.equal(kept.length + store.stats().countedOnly, 61)
  const text = await readFile(await newestPath(), 'utf8')
  assert.match(text, /\{"counted":1,"arrived":"2026-11-22T10:00:00.000001Z","reason":"utf8"\}\n$/)
  await store.close()
  assert.equal((await open(SMALL)).stats().total, 61)
  assert.equal(await countRejected(directory), 61)
})

test('past the size limit the folder stays bounded, however long it goes on', async () => {
  const store = await open(SMALL)
  for (let round = 0; round < 4000; round++) {
    // Without waiting, so that many counts share a write.
    const kept = store.keep(repeat(2))
    if (round % 50 === 0) await kept
  }
  await store.keep(repeat(1))
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size),
  )
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  assert.ok(bytes < 4000 + 2 * 256 * 1024 + 64 * 1024, `${bytes} bytes`)
  assert.equal(store.stats().total, 8001)
  await store.close()
  assert.equal((await open(SMALL)).stats().total, 8001)
})

test('past the size limit bytes are kept again some seconds after files were removed', async () => {
  const store = await open(SMALL)
  for (let round = 0; round < 20; round++) await store.keep(repeat(3))
  for (const name of await readdir(directory)) {
    if (!name.includes('counts')) await rm(join(directory, name))
  }
  await store.keep([record('too soon')])
  nowUs += 11_000_000
  await store.keep([record('in time')])
  assert.equal(store.stats().keepingCountsOnly, false)
  assert.deepEqual(
    (await list()).map(({ bytes }) => Buffer.from(bytes).toString()),
    ['in time'],
  )
  assert.equal(store.stats().total, 62)
  await store.close()
  assert.equal((await open(SMALL)).stats().total, 62)
})

test('past the size limit all files may be removed, the one of counts too', async () => {
  const store = await open(SMALL)
  for (let round = 0; round < 20; round++) await store.keep(repeat(3))
  for (const name of await readdir(directory)) await rm(join(directory, name))
  nowUs += 11_000_000
  await store.keep([record('in time')])
  assert.equal((await list()).length, 1)
  assert.equal(store.stats().total, 61)
})

test('with a higher limit, a restart keeps bytes again, in a file that is not of counts', async () => {
  const store = await open(SMALL)
  for (let round = 0; round < 20; round++) await store.keep(repeat(3))
  const before = (await list()).length
  await store.close()
  assert.match(await newestPath(), /counts/)
  const again = await open()
  await again.keep([record('again')])
  assert.doesNotMatch(await newestPath(), /counts/)
  assert.equal((await list()).length, before + 1)
  assert.equal(again.stats().total, 61)
})

test('past the size limit replayed files make room, and their events still count', async () => {
  const store = await open({ bytesMax: 8000, fileBytesMax: 1000 })
  for (let round = 0; round < 4; round++) await store.keep(repeat(5))
  for (const event of await list()) await markReplayed(directory, event)
  const before = (await list()).length
  for (let round = 0; round < 4; round++) await store.keep(repeat(5))
  assert.equal(store.stats().keepingCountsOnly, false)
  assert.deepEqual(warnings, [])
  assert.ok((await list()).length < before + 20)
  assert.equal(store.stats().total, 40)
})

test('a body of junk is kept up to a bound and counted beyond it', async () => {
  const store = await open({ bytesMax: 2 ** 30, fileBytesMax: 2 ** 30 })
  const big = Buffer.alloc(1024 * 1024, 'x')
  await store.keep(Array.from({ length: 80 }, () => record(big)))
  assert.equal(store.stats().total, 80)
  assert.ok(store.stats().countedOnly >= 10)
  assert.equal((await list()).length + store.stats().countedOnly, 80)
  assert.equal(await countRejected(directory), 80)
})

test('replay durably lists what was sent again; files and counts stay as they are', async () => {
  const store = await open()
  await store.keep([record('one'), record('two'), record('three')])
  const [, second] = await list()
  assert.ok(second !== undefined)
  await markReplayed(directory, second)
  assert.deepEqual(
    (await list()).map(({ replayed }) => replayed),
    [true, true, false],
  )
  await store.keep([record('four')])
  assert.deepEqual(
    (await list()).map(({ replayed }) => replayed),
    [true, true, false, false],
  )
  assert.equal(await countRejected(directory), 4)
})

test('replay ends although what it sends is rejected and kept again meanwhile', async () => {
  const store = await open()
  await store.keep(repeat(5))
  let listed = 0
  for await (const event of listRejected(directory)) {
    listed += 1
    await store.keep([record(event.bytes)])
  }
  assert.equal(listed, 5)
})

test('replay sends an event that holds line breaks as one line', async () => {
  const store = await open()
  await store.keep([record('{"a":\r\n1}'), record('{"b":2}')])
  assert.equal(Buffer.from(replayBody(await list())).toString(), '{"a":  1}\n{"b":2}\n')
})

test('replay tells where a damaged line is', async () => {
  const store = await open()
  await store.keep([record('one')])
  await store.keep([record('two')])
  const path = await newestPath()
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"arrived":"2026', '"arrived:"2026'))
  await assert.rejects(list(), (error) => {
    assert.ok(error instanceof RejectedError)
    assert.match(
      error.message,
      /collector-00000001\.ndjson is damaged: the line that ends at byte \d+/,
    )
    return true
  })
})

test('a mark of what was replayed is durable, and so is its name', async () => {
  const store = await open()
  await store.keep([record('one')])
  const handle = await openFile(await newestPath())
  const sync = mock.method(Object.getPrototypeOf(handle), 'sync')
  await handle.close()
  const [event = assert.fail()] = await list()
  await markReplayed(directory, event)
  assert.equal(sync.mock.callCount(), 2, 'the file, and its folder')
  sync.mock.restore()
})

test('more than waits for a slow disk is refused as busy, until the disk has caught up', async () => {
  const store = await open({ bytesMax: 2 ** 30, fileBytesMax: 2 ** 30 })
  await store.keep([record('first')])
  const handle = await openFile(await newestPath())
  const disk = Promise.withResolvers<void>()
  const slow = mock.method(Object.getPrototypeOf(handle), 'datasync', () => disk.promise)
  await handle.close()
  const big = record(Buffer.alloc(40 * 2 ** 20, 'x'))
  const written = store.keep([record('being written')])
  const waiting = store.keep([big])
  await assert.rejects(store.keep([big]), { code: 'busy', canRetry: true })
  disk.resolve()
  await Promise.all([written, waiting])
  slow.mock.restore()
  await store.keep([big])
  assert.equal(store.stats().total, 4)
})

test('a file that could not be begun is an error and leaves nothing; a retry begins it', async () => {
  const probe = await openFile(join(root, 'probe'), 'w')
  const broken = mock.method(Object.getPrototypeOf(probe), 'datasync', () =>
    Promise.reject(new Error('ENOSPC: no space left on device')),
  )
  await probe.close()
  const store = await open()
  await assert.rejects(store.keep([record('x')]), { code: 'io', canRetry: true })
  assert.deepEqual(await readdir(directory), [])
  broken.mock.restore()
  await store.keep([record('x')])
  assert.equal((await list()).length, 1)
})

test('the name of a file is durable before its first event is', async () => {
  const probe = await openFile(join(root, 'probe'), 'w')
  const sync = mock.method(Object.getPrototypeOf(probe), 'sync')
  await probe.close()
  const store = await open()
  await store.keep([record('one')])
  assert.equal(sync.mock.callCount(), 2, 'the new folder in its parent, the new file in the folder')
  sync.mock.restore()
})

test('where the warehouse was removed nothing is kept, and no new one is made', async () => {
  const store = await open()
  await store.keep([record('one')])
  await rm(join(root, 'warehouse'), { recursive: true })
  await assert.rejects(store.keep([record('two')]), (error) => {
    assert.ok(error instanceof RejectedError)
    assert.match(error.message, /warehouse was removed while this ran/)
    return true
  })
  assert.deepEqual(await readdir(root), [])
})

test('a file that somebody replaced is left to them', async () => {
  const store = await open()
  await store.keep([record('one')])
  await writeFile(join(root, 'other'), 'not ours')
  await rename(join(root, 'other'), await newestPath())
  await store.keep([record('two')])
  assert.equal(await readFile(join(directory, 'collector-00000001.ndjson'), 'utf8'), 'not ours')
  assert.match(await readFile(await newestPath(), 'utf8'), /"event":"two"/)
})

test('a removed file takes no room any more once the store has looked', async () => {
  const store = await open()
  await store.keep([record('x')])
  await rm(await newestPath())
  await store.checkWritable()
  assert.equal(store.stats().bytes, 0)
})

test('a closed store refuses, and keeps nothing', async () => {
  const store = await open()
  await store.close()
  await assert.rejects(store.keep([record('x')]), { name: 'RejectedError', code: 'closed' })
  assert.equal(await countRejected(directory), 0)
})

test('a folder not made is an error with its path; none is counted, a retry can work', async () => {
  const store = await open()
  await writeFile(join(root, 'warehouse'), 'a file where a folder should be')
  await assert.rejects(store.keep([record('x')]), (error) => {
    assert.ok(error instanceof RejectedError)
    assert.equal(error.canRetry, true)
    assert.ok(error.message.includes(directory))
    return true
  })
  assert.equal(store.stats().total, 0)
  await rm(join(root, 'warehouse'))
  await store.keep([record('x')])
  assert.equal(await countRejected(directory), 1)
})

test('a full disk is reported until a look finds room, though no more is rejected', async (t) => {
  await mkdir(directory, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory])
  if (mounted.status !== 0) return t.skip('no file system of its own can be mounted here')
  try {
    const store = await open()
    await store.keep([record('one')])
    const ballast = join(directory, 'ballast')
    await writeFile(ballast, Buffer.alloc(300_000)).catch(() => {})
    await assert.rejects(store.keep([record('x'.repeat(20_000))]), { code: 'io' })
    await store.checkWritable()
    assert.match(store.stats().problem ?? '', /ENOSPC/)
    await rm(ballast)
    await store.checkWritable()
    assert.deepEqual([store.stats().problem, store.stats().total], [null, 1])
    assert.deepEqual(await readdir(directory), ['collector-00000001.ndjson'], 'no trace of looking')
    await store.close()
  } finally {
    spawnSync('umount', [directory])
  }
})

test('a disk full in mid-line leaves whole lines only, none that was told as failed', async () => {
  const script = `
      import { openRejected } from ${JSON.stringify(import.meta.resolve('../../src/rejected.ts'))}
      const directory = ${JSON.stringify(directory)}
      const limits = { bytesMax: 1e9, nowUs: () => 0 }
      const store = await openRejected({ directory, source: 'collector', ...limits })
      const kept = []
      for (let at = 0; at < 60; at++) {
        const bytes = Buffer.from('event ' + at + 'x'.repeat(700))
        const event = { bytes, reason: 'syntax', arrivalUs: 0 }
        await store.keep([event]).then(() => kept.push(at), () => {})
      }
      const { total, failed } = store.stats()
      console.log(JSON.stringify({ kept, total, failed }))
    `
  // A limit on the size of a file: what does not fit any more fails in the middle, as on a full
  // disk.
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -f 64; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    script,
  ])
  const { kept, total, failed } = JSON.parse(stdout)
  assert.ok(kept.length > 30 && kept.length < 60, stdout)
  assert.deepEqual([total, failed], [kept.length, false])
  const numbers = (await list()).map(({ bytes }) =>
    Number.parseInt(Buffer.from(bytes).toString().slice(6), 10),
  )
  assert.deepEqual(numbers, kept)
  assert.equal((await open()).stats().total, total)
})

test('after a failed sync everything is refused until a restart (F6)', async () => {
  const store = await open()
  await store.keep([record('one')])
  const handle = await openFile(await newestPath())
  const broken = mock.method(Object.getPrototypeOf(handle), 'datasync', () =>
    Promise.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })),
  )
  await handle.close()
  await assert.rejects(store.keep([record('two')]), { code: 'failed', canRetry: false })
  broken.mock.restore()
  await assert.rejects(store.keep([record('three')]), { code: 'failed' })
  assert.deepEqual([store.stats().total, store.stats().failed], [1, true])
})

test('a file cut by somebody else is not taken for whole', async () => {
  const store = await open()
  await store.keep(repeat(3))
  await store.close()
  await truncate(await newestPath(), 250)
  const again = await open()
  assert.ok(again.stats().total < 3)
  assert.equal(again.stats().total, await countRejected(directory))
})
