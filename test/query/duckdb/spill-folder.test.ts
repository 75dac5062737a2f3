/** Folders for spilled rows go with their owners, and with nobody else. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeSpillFolder } from '../../../src/query/duckdb/spill-folder.ts'
import { makeScratchFolder } from '../../support/scratch.ts'

const MODULE = new URL('../../../src/query/duckdb/spill-folder.ts', import.meta.url).href
const PREFIX = 'campaign-metrics-query-'

/** Another process that has made a folder, which is called `rows` inside. */
async function otherOwner(t: TestContext, parent: string) {
  const script =
    `const { makeSpillFolder } = await import(${JSON.stringify(MODULE)});` +
    `console.log(makeSpillFolder(${JSON.stringify(parent)}).path); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [path] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { path: String(path).trim(), child, ended: once(child, 'exit') }
}

/** As a thread that starts: what was swept before in this one counts no more. */
async function makeAnew(t: TestContext, parent: string): Promise<string> {
  return (await otherOwner(t, parent)).path
}

test('folders of killed processes are swept with the next; those of living stay', async (t) => {
  const parent = makeScratchFolder('spill', t)
  const living = await otherOwner(t, parent)
  const killed = [await otherOwner(t, parent), await otherOwner(t, parent)]
  for (const { path, child, ended } of killed) {
    await writeFile(join(path, 'duckdb_temp_storage-0.tmp'), 'rows')
    child.kill('SIGKILL')
    await ended
  }
  const next = await makeAnew(t, parent)
  const left = (await readdir(parent)).map((name) => join(parent, name))
  assert.deepEqual(left.sort(), [living.path, next].sort())
  assert.ok((await readdir(living.path)).includes('lock'))
})

test('a folder of this process stays while it is in use, and goes afterwards', async (t) => {
  const parent = makeScratchFolder('spill', t)
  const first = makeSpillFolder(parent)
  await makeAnew(t, parent)
  assert.ok((await readdir(parent)).some((name) => first.path.endsWith(name)))
  await first.remove()
  await first.remove()
  assert.ok(!(await readdir(parent)).some((name) => first.path.endsWith(name)))
})

test('nothing else is touched: links, other names, unfinished folders', async (t) => {
  const parent = makeScratchFolder('spill', t)
  const target = join(parent, 'precious')
  await mkdir(target)
  await writeFile(join(target, 'lock'), '')
  await symlink(target, join(parent, `${PREFIX}link`))
  await writeFile(join(parent, `${PREFIX}file`), 'a file')
  await mkdir(join(parent, `${PREFIX}new`))
  await mkdir(join(parent, 'campaign-metrics-other'))
  await mkdir(join(parent, `${PREFIX}old`))
  await utimes(join(parent, `${PREFIX}old`), 1, 1)
  const next = await makeAnew(t, parent)
  const kept = [
    'precious',
    `${PREFIX}link`,
    `${PREFIX}file`,
    `${PREFIX}new`,
    'campaign-metrics-other',
  ]
  const left = await readdir(parent)
  assert.deepEqual(left.sort(), [...kept, next.slice(parent.length + 1)].sort())
  assert.deepEqual(await readdir(target), ['lock'])
})

test("other users' folders are left alone", async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can make folders of other users')
  const parent = makeScratchFolder('spill', t)
  const owner = await otherOwner(t, parent)
  owner.child.kill('SIGKILL')
  await owner.ended
  const { chown } = await import('node:fs/promises')
  await chown(owner.path, 65534, 65534)
  await makeAnew(t, parent)
  assert.ok((await readdir(parent)).some((name) => owner.path.endsWith(name)))
})

test('a place that cannot be written to is said with the way on', async (t) => {
  const parent = makeScratchFolder('spill', t)
  await writeFile(join(parent, 'file'), '')
  for (const folder of [join(parent, 'missing'), join(parent, 'file')]) {
    assert.throws(
      () => makeSpillFolder(folder),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'no-spill-folder')
        assert.ok(error.message.includes(folder) && error.message.includes('TMPDIR'), error.message)
        return true
      },
    )
  }
})

test('a thread sweeps a place once: what others leave later waits for the next', async (t) => {
  const parent = makeScratchFolder('spill', t)
  const first = makeSpillFolder(parent)
  const left = join(parent, `${PREFIX}left`)
  await mkdir(left)
  await utimes(left, 1, 1)
  const second = makeSpillFolder(parent)
  await Promise.all([first.remove(), second.remove()])
  assert.deepEqual(await readdir(parent), [`${PREFIX}left`])
  await makeAnew(t, parent)
  assert.ok(!(await readdir(parent)).includes(`${PREFIX}left`))
})
