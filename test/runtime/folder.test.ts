/**
 * A folder is made with those above it, or the reason why not is said at once: where Node's own way
 * goes round for ever.
 */
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openLog } from '../../src/log.ts'
import { openRejected } from '../../src/rejected.ts'
import { FolderError, makeFolder } from '../../src/runtime/folder.ts'
import { acquireLock } from '../../src/runtime/lock.ts'
import { openLake } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'

/** Nothing can be made in there, and the system says that it does not exist. */
const IMPOSSIBLE = '/proc/campaign-metrics-test/folder'
const skipImpossible: string | false = existsSync('/proc/self') ? false : 'there is no /proc here'
const skipRights: string | false = process.getuid?.() === 0 ? 'root may write everywhere' : false

function openPlace(t: TestContext): string {
  const place = mkdtempSync(path.join(tmpdir(), 'make-folder-'))
  t.after(() => rmSync(place, { recursive: true }))
  return place
}

const refusal = (code: string) => (error: unknown) => {
  assert(error instanceof FolderError)
  assert.equal(error.code, code)
  assert.match(error.message, /^the folder .* cannot be made \(/)
  return true
}

describe('making a folder', () => {
  test('makes those above it too, and answers the topmost that is new', (t) => {
    const place = openPlace(t)
    const folder = path.join(place, 'a/b/c')
    assert.equal(makeFolder(folder), path.join(place, 'a'))
    assert.ok(statSync(folder).isDirectory())
    assert.equal(makeFolder(folder), null)
    assert.equal(makeFolder(path.join(folder, 'd')), path.join(folder, 'd'))
    assert.equal(makeFolder('/'), null)
  })

  test('takes a relative path, and a link to a folder for the folder', (t) => {
    const place = openPlace(t)
    symlinkSync(place, path.join(place, 'link'))
    const folder = path.relative(process.cwd(), path.join(place, 'link', 'x', 'y'))
    assert.equal(makeFolder(folder), path.join(place, 'link', 'x'))
    assert.ok(statSync(path.join(place, 'x', 'y')).isDirectory())
  })

  test('says so where a file stands in the way, or a link to nothing', (t) => {
    const place = openPlace(t)
    writeFileSync(path.join(place, 'file'), '')
    symlinkSync(path.join(place, 'nothing'), path.join(place, 'link'))
    assert.throws(() => makeFolder(path.join(place, 'file')), refusal('EEXIST'))
    assert.throws(() => makeFolder(path.join(place, 'file/a/b')), refusal('EEXIST'))
    assert.throws(() => makeFolder(path.join(place, 'link/a')), refusal('EEXIST'))
  })

  test('says so where it may not write', { skip: skipRights }, (t) => {
    const place = openPlace(t)
    chmodSync(place, 0o500)
    assert.throws(() => makeFolder(path.join(place, 'a/b')), refusal('EACCES'))
  })

  test('says so where the system makes no folder and denies the one above', {
    skip: skipImpossible,
  }, () => {
    assert.throws(() => makeFolder(IMPOSSIBLE), refusal('ENOENT'))
    assert.throws(() => makeFolder(path.dirname(IMPOSSIBLE)), refusal('ENOENT'))
  })
})

describe('a path of the configuration where no folder can be made', {
  skip: skipImpossible,
}, () => {
  const said = { message: /the folder \/proc\/campaign-metrics-test\/folder\S* cannot be made/ }

  test('is refused by the log', async () => {
    const options = {
      directory: IMPOSSIBLE,
      nowUs: () => 0,
      retentionMs: 0,
      bytesMax: 2 ** 30,
      diskReserveBytes: 0,
    }
    await assert.rejects(openLog(options), { ...said, name: 'LogError', code: 'io' })
  })

  test('is refused by the lock of the tables', () => {
    assert.throws(() => acquireLock(`${IMPOSSIBLE}/lock`, 'the thing'), said)
  })

  test('is refused by the tables, as catalog and as warehouse', async (t) => {
    const place = openPlace(t)
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
    await assert.rejects(openLake(catalog), said)
    await assert.rejects(
      openLake({
        ...options,
        warehouse: { kind: 'folder', path: IMPOSSIBLE },
      }),
      {
        ...said,
        code: 'storage-failed',
      },
    )
  })

  test('is refused for rejected events when the first is kept', async () => {
    const store = await openRejected({
      directory: IMPOSSIBLE,
      source: 'job',
      bytesMax: 2 ** 20,
      nowUs: () => 0,
      warn: () => {},
    })
    const record = { bytes: Buffer.from('{'), reason: 'syntax' as const, arrivalUs: 0, offset: 0 }
    await assert.rejects(store.keep([record]), said)
    await store.close().catch(() => {})
  })
})
