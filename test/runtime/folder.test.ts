/**
 * A folder is made with those above it, or the reason is given at once, where Node's own way
 * goes round for ever.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { openLog } from '../../src/log.ts'
import { openRejected } from '../../src/rejected.ts'
import { FolderError, makeFolder } from '../../src/runtime/folder.ts'
import { acquireLock } from '../../src/runtime/lock.ts'
import { openLake } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'
import { makeScratchFolder } from '../support/scratch.ts'

/** Nothing can be made in there, and the system says that it does not exist. */
const IMPOSSIBLE = '/proc/campaign-metrics-test/folder'
const PROC = { skip: existsSync('/proc/self') ? false : 'there is no /proc here' }
const skipRights: string | false = process.getuid?.() === 0 ? 'root may write everywhere' : false

const refusal = (code: string) => (error: unknown) => {
  assert(error instanceof FolderError)
  assert.equal(error.code, code)
  assert.match(error.message, /^the folder .* cannot be made \(/)
  return true
}

test('a folder is made with those above it, and the topmost new one is returned', (t) => {
  const place = makeScratchFolder('make-folder', t)
  const folder = path.join(place, 'a/b/c')
  assert.equal(makeFolder(folder), path.join(place, 'a'))
  assert.ok(statSync(folder).isDirectory())
  assert.equal(makeFolder(folder), null)
  assert.equal(makeFolder(path.join(folder, 'd')), path.join(folder, 'd'))
  assert.equal(makeFolder('/'), null)
})

test('a relative path is taken, and a link to a folder counts as the folder', (t) => {
  const place = makeScratchFolder('make-folder', t)
  symlinkSync(place, path.join(place, 'link'))
  const folder = path.relative(process.cwd(), path.join(place, 'link', 'x', 'y'))
  assert.equal(makeFolder(folder), path.join(place, 'link', 'x'))
  assert.ok(statSync(path.join(place, 'x', 'y')).isDirectory())
})

test('a file in the way, or a link to nothing, is an error', (t) => {
  const place = makeScratchFolder('make-folder', t)
  writeFileSync(path.join(place, 'file'), '')
  symlinkSync(path.join(place, 'nothing'), path.join(place, 'link'))
  assert.throws(() => makeFolder(path.join(place, 'file')), refusal('EEXIST'))
  assert.throws(() => makeFolder(path.join(place, 'file/a/b')), refusal('EEXIST'))
  assert.throws(() => makeFolder(path.join(place, 'link/a')), refusal('EEXIST'))
})

test('a folder that may not be written to is an error', { skip: skipRights }, (t) => {
  const place = makeScratchFolder('make-folder', t)
  chmodSync(place, 0o500)
  assert.throws(() => makeFolder(path.join(place, 'a/b')), refusal('EACCES'))
})

test('a system that denies even the folder above is an error', PROC, () => {
  assert.throws(() => makeFolder(IMPOSSIBLE), refusal('ENOENT'))
  assert.throws(() => makeFolder(path.dirname(IMPOSSIBLE)), refusal('ENOENT'))
})

const refused = { message: /the folder \/proc\/campaign-metrics-test\/folder\S* cannot be made/ }

test('an impossible folder is refused by the log', PROC, async () => {
  const options = {
    directory: IMPOSSIBLE,
    nowUs: () => 0,
    retentionMs: 0,
    bytesMax: 2 ** 30,
    diskReserveBytes: 0,
  }
  await assert.rejects(openLog(options), { ...refused, name: 'LogError', code: 'io' })
})

test('an impossible folder is refused by the lock of the tables', PROC, () => {
  assert.throws(() => acquireLock(`${IMPOSSIBLE}/lock`, 'the thing'), refused)
})

test(
  'an impossible folder is refused by the tables, as catalog and as warehouse',
  PROC,
  async (t) => {
    const place = makeScratchFolder('make-folder', t)
    const options = {
      ...placesIn(place),
      windowUs: 300_000_000,
      writer: 'embedded' as const,
      nowUs: () => 0,
    }
    const catalog = {
      ...options,
      catalog: { kind: 'sqlite', path: `${IMPOSSIBLE}/catalog.db` } as const,
    }
    await assert.rejects(openLake(catalog), refused)
    await assert.rejects(
      openLake({
        ...options,
        warehouse: { kind: 'folder', path: IMPOSSIBLE },
      }),
      {
        ...refused,
        code: 'storage-failed',
      },
    )
  },
)

test(
  'an impossible folder is refused for rejected events when the first is kept',
  PROC,
  async () => {
    const store = await openRejected({
      directory: IMPOSSIBLE,
      source: 'job',
      bytesMax: 2 ** 20,
      nowUs: () => 0,
      warn: () => {},
    })
    const record = { bytes: Buffer.from('{'), reason: 'syntax' as const, arrivalUs: 0, offset: 0 }
    await assert.rejects(store.keep([record]), refused)
    await store.close().catch(() => {})
  },
)
