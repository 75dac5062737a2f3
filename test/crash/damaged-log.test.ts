/**
 * A log whose files are not as they were left (F5), are not there (F11), or were there before the
 * tables (F20). Nothing here knows the log's format: events are found by their ids in its files.
 */
import assert from 'node:assert/strict'
import { cp, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectRefusal } from '../support/product.ts'
import { checkTables, openInputFile, skipReaders } from '../support/readers.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

/** Long enough that nothing is committed before the kill, so that all of it is in the log alone. */
const NO_COMMITS = { commitInterval: '5m' }
const ROWS = 20

let folder: Folder

afterEach(() => folder.close())

for (const [name, tear] of [
  ['cut short', (at: Place) => truncate(at.path, at.offset)],
  ['zeroed', (at: Place) => overwrite(at, Buffer.alloc(64 * 1024))],
  ['overwritten with noise', (at: Place) => overwrite(at, Buffer.alloc(4096, 0xa5))],
] as const) {
  test(`a last record that is ${name} is dropped and reported, all before it stored`, async () => {
    await leaveInLog(['first', 'second', 'torn'])
    await tear(await findText('"torn-10"'))
    await folder.configure({})
    await whileRunning(folder, async (product) => {
      await waitUntilSettled(product.url)
      assert.match(product.output(), /torn|tail|incomplete|cut/i)
      await postAccepted(product.url, eventLines('torn', ROWS).join('\n'))
      await expectSettled(folder, product.url, { stored: 3 * ROWS, duplicates: 0 })
    })
  })
}

test('a flipped byte amid records stops the start by name; undone, all is stored', async () => {
  await leaveInLog(['first', 'second', 'third'])
  await folder.configure({})
  const place = await findText('"first-10"')
  await flip(place)
  const refused = await expectRefusal(folder)
  const said = refused.stdout + refused.stderr
  assert.ok(refused.exit.code !== 0 && refused.exit.code !== null, said)
  assert.match(said, /damage|corrupt|checksum|crc/i)
  assert.ok(said.includes(folder.logPath) || said.includes('data/log'), `no place in: ${said}`)
  assert.doesNotMatch(said, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace is no message')
  await flip(place)
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: 3 * ROWS, duplicates: 0 }),
  )
})

test('a log folder that is gone while the tables stand is refused, not begun anew', async () => {
  await storeSome('first')
  await rm(folder.logPath, { recursive: true })
  await expectForeignLog()
})

test('the log of other tables is refused: its offsets mean other events', async () => {
  await storeSome('first')
  const other = await openFolder()
  await whileRunning(other, async (product) => {
    await postAccepted(product.url, eventLines('other', ROWS * 2).join('\n'))
    await waitUntilSettled(product.url)
  })
  await rm(folder.logPath, { recursive: true })
  await rename(other.logPath, folder.logPath)
  await other.close()
  await expectForeignLog()
})

test('an older copy of the log, which ends below what the tables hold, is refused', async () => {
  await storeSome('first')
  await cp(folder.logPath, `${folder.logPath}-copy`, { recursive: true })
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, eventLines('second', ROWS).join('\n'))
    await waitUntilSettled(product.url)
  })
  await rm(folder.logPath, { recursive: true })
  await rename(`${folder.logPath}-copy`, folder.logPath)
  await expectForeignLog()
})

test('events that were in the log before the first commit are all stored', async () => {
  await leaveInLog(['first', 'second'])
  await folder.configure({})
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: 0 }),
  )
})

test('tables that were deleted beside a full log are made again from it, or the start refuses', {
  skip: skipReaders,
}, async () => {
  await storeSome('first')
  await rm(folder.warehousePath, { recursive: true })
  for (const end of ['', '-wal', '-shm']) await rm(folder.catalogPath + end, { force: true })
  const input = await openInputFile(folder)
  const lines = eventLines('second', ROWS)
  try {
    await whileRunning(folder, async (product) => {
      await postAccepted(product.url, lines.join('\n'))
      await expectSettled(folder, product.url, { stored: 2 * ROWS })
    })
  } catch (error) {
    if (!(error instanceof Error && error.name === 'StartRefused')) throw error
    return
  }
  await input.add([...eventLines('first', ROWS, { timestamp: STORED_AT }), ...lines])
  await checkTables(folder, [input.path])
})

const STORED_AT = '2026-01-01T12:00:00Z'

type Place = Readonly<{ path: string; offset: number }>

async function leaveInLog(prefixes: readonly string[]): Promise<void> {
  folder = await openFolder(NO_COMMITS)
  await whileRunning(
    folder,
    async (product) => {
      for (const prefix of prefixes) {
        await postAccepted(product.url, eventLines(prefix, ROWS).join('\n'))
      }
    },
    { end: 'kill' },
  )
}

async function storeSome(prefix: string): Promise<void> {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    const lines = eventLines(prefix, ROWS, { timestamp: STORED_AT })
    await postAccepted(product.url, lines.join('\n'))
    await waitUntilSettled(product.url)
  })
}

async function expectForeignLog(): Promise<void> {
  const refused = await expectRefusal(folder)
  const said = refused.stdout + refused.stderr
  assert.ok(refused.exit.code !== 0 && refused.exit.code !== null, said)
  assert.match(said, /log/i)
  assert.doesNotMatch(said, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace is no message')
}

async function findText(text: string): Promise<Place> {
  for (const entry of await readdir(folder.logPath, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const offset = (await readFile(path)).indexOf(text)
    if (offset >= 0) return { path, offset }
  }
  throw new Error(`${text} is in no file of ${folder.logPath}`)
}

async function overwrite(place: Place, bytes: Buffer): Promise<void> {
  const file = await open(place.path, 'r+')
  await file.write(bytes, 0, bytes.length, place.offset)
  await file.close()
}

async function flip(place: Place): Promise<void> {
  const content = await readFile(place.path)
  await overwrite(place, Buffer.from([(content[place.offset] ?? 0) ^ 1]))
}
