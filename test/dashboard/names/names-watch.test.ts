/** The file of `campaignNames` while it changes on a real disk. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { namesProblem, openNamesWatch } from '../../../src/dashboard/names/names-watch.ts'

type Watched = Readonly<{
  path: string
  /** What was reported, in order: `{id: name}`, a problem, or null where it is over. */
  told: readonly unknown[]
  /** As many looks as it takes to see a change. */
  look(): Promise<void>
  write(text: string): Promise<void>
}>

async function openWatched(t: TestContext): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-names-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'campaigns.csv')
  const told: unknown[] = []
  const watch = openNamesWatch({
    path,
    onNames: (names) => told.push(Object.fromEntries(names)),
    onProblem: (problem) => told.push(problem),
  })
  return {
    path,
    told,
    look: async () => {
      await watch.look()
      await watch.look()
    },
    write: (text) => writeFile(path, text),
  }
}

test('names are told when they change, and only then', async (t) => {
  const { told, look, write } = await openWatched(t)
  await write('campaign_id,name\na,A\n')
  await look()
  await look()
  assert.deepEqual(told, [{ a: 'A' }])
  await write('campaign_id,name\na,B\n')
  await look()
  assert.deepEqual(told, [{ a: 'A' }, { a: 'B' }])
})

test('a file that is renamed over it counts, even an older one of the same size', async (t) => {
  const { path, told, look, write } = await openWatched(t)
  await writeFile(`${path}.new`, 'campaign_id,name\na,B\n')
  await write('campaign_id,name\na,A\n')
  await look()
  await rename(`${path}.new`, path)
  await look()
  assert.deepEqual(told, [{ a: 'A' }, { a: 'B' }])
})

test('a broken file is told once, the names before stay, and a good one is told again', async (t) => {
  const { path, told, look, write } = await openWatched(t)
  await write('campaign_id,name\na,A\n')
  await look()
  await write('campaign_id,name\na,A\na,B\n')
  await look()
  await look()
  const fault = 'the id "a" has two names, "A" and "B"; remove one'
  const kept = 'until then the names read before are shown'
  const problem = `campaign names: ${path} cannot be used: ${fault}; ${kept}`
  assert.deepEqual(told, [{ a: 'A' }, problem])
  await rm(path)
  await look()
  const missing = `campaign names: ${path} cannot be used: there is no such file; ${kept}`
  assert.deepEqual(told.slice(2), [missing])
  await write('campaign_id,name\na,A2\n')
  await look()
  assert.deepEqual(told.slice(3), [{ a: 'A2' }, null])
})

test('a file that is not there, or is none, is told at the first look', async (t) => {
  const { path, told, look, write } = await openWatched(t)
  const ids = 'until then campaigns are shown by their ids'
  await look()
  assert.deepEqual(told, [`campaign names: ${path} cannot be used: there is no such file; ${ids}`])
  assert.equal(await namesProblem(path), told[0])
  await mkdir(path)
  await look()
  assert.deepEqual(told[1], `campaign names: ${path} cannot be used: it is not a file; ${ids}`)
  await rm(path, { recursive: true })
  await write('campaign_id,name\na,A\n')
  await look()
  assert.deepEqual(told.slice(2), [{ a: 'A' }, null])
  assert.equal(await namesProblem(path), null)
})

test('a file that is still written is read when it rests', async (t) => {
  const { path, told, write } = await openWatched(t)
  const watch = openNamesWatch({
    path,
    onNames: (names) => (told as unknown[]).push(names.size),
    onProblem: (problem) => assert.fail(String(problem)),
  })
  await write('campaign_id,name\na,A\n')
  await watch.look()
  for (let rows = 2; rows < 6; rows++) {
    await write(
      `campaign_id,name\n${Array.from({ length: rows }, (_, at) => `${at},N\n`).join('')}`,
    )
    await watch.look()
  }
  assert.deepEqual(told, [1])
  await watch.look()
  assert.deepEqual(told, [1, 5])
})
