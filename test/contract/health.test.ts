/** What goes wrong while it runs is said, by status and health alike, and over when it is over. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { get, post, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'
import { until } from '../support/until.ts'

/** Longer than SQLite's own patience used to be. */
const LOCKED_MS = 12_000
const CLI_PATH = join(import.meta.dirname, '../../src/cli.ts')
const EVENTS = 'campaigns/campaign_events'
const BAD = '{"event_id":""}\n'

async function problemsAt(url: string): Promise<readonly string[]> {
  const health = await get(url, '/healthz')
  const { healthy, problems } = (await readStatus(url)) as unknown as {
    healthy: boolean
    problems: readonly string[]
  }
  assert.equal(healthy, problems.length === 0)
  assert.equal(health.status, problems.length === 0 ? 200 : 503)
  return problems
}

async function untilProblem(url: string, pattern: RegExp): Promise<void> {
  await until(async () => {
    const problems = await problemsAt(url)
    assert.match(problems.join('\n'), pattern)
    return true
  })
}

async function untilHealthy(url: string): Promise<void> {
  await until(async () => {
    assert.deepEqual(await problemsAt(url), [])
    return true
  })
}

test('without a folder for temporary files it is unhealthy, and events go on', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  const TMPDIR = join(folder.path, 'tmp')
  await whileRunning(
    folder,
    async ({ url }) => {
      await untilProblem(url, /the dashboard cannot read the tables .*TMPDIR/)
      await postAccepted(url, eventLines('meanwhile', 5).join('\n'))
      await mkdir(TMPDIR)
      await untilHealthy(url)
    },
    { environment: { TMPDIR } },
  )
})

test('where rejected events cannot be kept it is unhealthy, and the count is whole', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  const rejected = join(folder.warehousePath, 'rejected')
  await whileRunning(folder, async ({ url }) => {
    assert.equal((await post(url, BAD)).status, 200)
    await rename(rejected, `${rejected}-aside`)
    await writeFile(rejected, 'a file in its place')
    await untilProblem(url, /Rejected events cannot be kept in .*rejected/)
    assert.equal((await post(url, BAD)).status, 503)
    assert.equal((await post(url, eventLines('good', 1).join('\n'))).status, 200)
    await rm(rejected)
    await rename(`${rejected}-aside`, rejected)
    await untilHealthy(url)
    assert.equal((await post(url, BAD)).status, 200)
    assert.equal((await readStatus(url)).ledger.rejected, 2)
  })
  const listed = await runCommand(folder, ['rejected', '--json'])
  assert.equal(listed.stdout.trim().split('\n').length, 2)
})

test('a removed rejected folder is made again by the next rejected event', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  await whileRunning(folder, async ({ url }) => {
    assert.equal((await post(url, BAD)).status, 200)
    await rm(join(folder.warehousePath, 'rejected'), { recursive: true })
    assert.equal((await post(url, BAD)).status, 200)
    assert.equal((await readStatus(url)).ledger.rejected, 2)
  })
  const listed = await runCommand(folder, ['rejected', '--json'])
  assert.equal(listed.stdout.trim().split('\n').length, 1)
})

/** Another process holds the catalog, as a backup or a curious user does. */
function lockCatalog(t: TestContext, path: string, mode: 'NORMAL' | 'EXCLUSIVE') {
  const other = new DatabaseSync(path)
  t.after(() => other.isOpen && other.close())
  other.exec(`PRAGMA locking_mode = ${mode}; BEGIN IMMEDIATE; CREATE TABLE held_by_other (x)`)
  return { release: () => other.close() }
}

async function storedAt(url: string): Promise<number> {
  return (await readStatus(url)).ledger.stored
}

test('a catalog locked by another process is reported; then commits go on at once', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  await whileRunning(folder, async ({ url }) => {
    await postAccepted(url, eventLines('before', 3).join('\n'))
    await waitUntilSettled(url)
    const lock = lockCatalog(t, folder.catalogPath, 'NORMAL')
    await postAccepted(url, eventLines('during', 3).join('\n'))
    await untilProblem(url, /catalog.db has kept this process waiting for \d+ s: another process/)
    await sleep(LOCKED_MS)
    assert.equal(await storedAt(url), 3)
    assert.equal((await post(url, eventLines('more', 1).join('\n'))).status, 200)
    assert.equal((await get(url, '/iceberg/v1/config')).status, 200, 'others read it meanwhile')
    lock.release()
    await until(async () => (await storedAt(url)) === 7)
    await untilHealthy(url)
  })
})

test('a catalog locked at the start is waited for, and commands name the lock', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  await whileRunning(folder, ({ url }) => postAccepted(url, eventLines('before', 3).join('\n')))
  const lock = lockCatalog(t, folder.catalogPath, 'EXCLUSIVE')
  const words = [CLI_PATH, 'start', '--config', folder.configPath]
  const child = spawn(process.execPath, words, { cwd: folder.path })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  await until(() => /catalog.db has kept this process waiting for 1 s/.test(output))
  const query = await runCommand(folder, ['query', 'select 1'])
  assert.equal(query.exit.code, 4)
  assert.match(query.stderr, /catalog.db is locked by another process/)
  lock.release()
  await until(() => /listens on/.test(output))
})

for (const [what, ofFolder, isOfLog] of [
  ['the data folder', (f: Folder) => join(f.path, 'data'), false],
  ['the log folder', (f: Folder) => f.logPath, true],
  [
    'the segment being written',
    (f: Folder) => join(f.logPath, '00000000000000000000.segment'),
    true,
  ],
  ['the warehouse', (f: Folder) => f.warehousePath, false],
  ['the metadata of a table', (f: Folder) => join(f.warehousePath, EVENTS, 'metadata'), false],
  ['the catalog', (f: Folder) => f.catalogPath, false],
] as const) {
  test(`${what} renamed is reported, not made anew, and nothing is lost`, async (t) => {
    const folder = await openFolder()
    t.after(() => folder.close())
    const path = ofFolder(folder)
    await whileRunning(folder, async ({ url }) => {
      await postAccepted(url, eventLines('before', 5).join('\n'))
      await waitUntilSettled(url)
      await rename(path, `${path}-away`)
      // Of a folder, also by what lies in it.
      await untilProblem(url, new RegExp(`${path}\\S* was removed or renamed`))
      const during = await post(url, eventLines('during', 5).join('\n'))
      assert.equal(during.status, 503, during.text)
      // What is rejected does not go into the log.
      assert.equal((await post(url, BAD)).status, isOfLog ? 200 : 503)
      // Long enough for whatever would make it anew.
      await sleep(3_000)
      assert.ok(!existsSync(path))
      await rename(`${path}-away`, path)
      await untilHealthy(url)
      await postAccepted(url, eventLines('during', 5).join('\n'))
      await postAccepted(url, eventLines('after', 5).join('\n'))
      assert.equal((await waitUntilSettled(url)).stored, 15)
    })
    const verify = await runCommand(folder, ['verify'])
    assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  })
}

for (const [what, ofFolder] of [
  ['log', (f: Folder) => join(f.logPath, 'lock')],
  ['catalog', (f: Folder) => `${f.catalogPath}.lock`],
] as const) {
  test(`a ${what} whose lock file is deleted: the holder ends, the next start takes over`, async (t) => {
    const folder = await openFolder()
    t.after(() => folder.close())
    const first = await startProduct(folder)
    t.after(() => first.kill())
    await postAccepted(first.url, eventLines('first', 5).join('\n'))
    await rm(ofFolder(folder))
    // Begun before the holder has looked: it must not run beside it.
    const second = await startProduct(folder)
    t.after(() => second.kill())
    const { code } = await first.exited
    assert.equal(code, 5, first.output())
    assert.match(first.output(), /is no longer locked by this process: the lock .*lock was removed/)
    await assert.rejects(post(first.url, eventLines('late', 1).join('\n')))
    await postAccepted(second.url, eventLines('second', 5).join('\n'))
    await expectSettled(folder, second.url, { received: 10, stored: 10 })
    await second.stop()
  })
}

test('another folder in the place of the log is not taken for it', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  await whileRunning(folder, async ({ url }) => {
    await postAccepted(url, eventLines('before', 5).join('\n'))
    await waitUntilSettled(url)
    await cp(folder.logPath, `${folder.logPath}-copy`, { recursive: true })
    await rename(folder.logPath, `${folder.logPath}-away`)
    await rename(`${folder.logPath}-copy`, folder.logPath)
    await untilProblem(url, /log is not the one that it was/)
    assert.equal((await post(url, eventLines('during', 5).join('\n'))).status, 503)
  })
})
