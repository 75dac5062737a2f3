/**
 * A catalog file that vanishes under a commit: SQLite commits to a file without a name, and nobody
 * would find that commit (F29).
 */
import assert from 'node:assert/strict'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import type { CommitStep } from '../../src/table/commit.ts'
import { readLake } from '../../src/table.ts'
import { commitRows, dayRows, eventRow, metricsRow, openPlace } from './fixture.ts'

const rows = (id: string) => [dayRows([eventRow({ eventId: id })]), [metricsRow()], id] as const

/** Acts once, at a step of the second commit. */
function atStep(step: CommitStep, act: () => void) {
  let commits = 0
  return (reached: CommitStep): void => {
    if (reached === 'transaction-begun') commits++
    if (commits === 2 && reached === step) act()
  }
}

test('a catalog renamed before COMMIT: nothing was committed, and it goes on when it is back', async (t) => {
  const place = await openPlace(t)
  const path = place.catalogPath
  const lake = await place.open({
    onStep: atStep('transaction-begun', () => renameSync(path, `${path}-away`)),
  })
  await commitRows(lake, ...rows('a'))
  const refused = { code: 'misplaced', message: /catalog .* was removed or renamed/ }
  await assert.rejects(commitRows(lake, ...rows('b')), refused)
  await assert.rejects(commitRows(lake, ...rows('b')), refused)
  assert.ok(!existsSync(path), 'it is not made anew')
  renameSync(`${path}-away`, path)
  assert.equal((await readLake(place)).events.files.length, 1)
  await commitRows(lake, ...rows('b'))
  assert.equal((await readLake(place)).events.files.length, 2)
})

test('a catalog renamed while it commits: read back once it is back, and never twice', async (t) => {
  const place = await openPlace(t)
  const path = place.catalogPath
  const waits: string[] = []
  let pauses = 0
  const lake = await place.open({
    onStep: atStep('pointers-swapped', () => renameSync(path, `${path}-away`)),
    onWait: (reason) => waits.push(reason ?? ''),
    pause: async () => {
      if (++pauses === 20) renameSync(`${path}-away`, path)
    },
  })
  await commitRows(lake, ...rows('a'))
  await commitRows(lake, ...rows('b'))
  assert.equal(pauses, 20, 'it was no success before')
  assert.equal((await readLake(place)).events.files.length, 2)
  assert.equal((await readLake(place)).metrics.files.length, lake.metrics.files.length)
})

test('a catalog deleted while it commits: the outcome stays unknown, and no file is removed', async (t) => {
  const place = await openPlace(t)
  const path = place.catalogPath
  const lake = await place.open({
    onStep: atStep('pointers-swapped', () => rmSync(path)),
    pause: async () => {},
  })
  await commitRows(lake, ...rows('a'))
  await assert.rejects(commitRows(lake, ...rows('b')), {
    code: 'outcome-unknown',
    message: /was removed or renamed.*No file was deleted/,
  })
  assert.ok(!existsSync(path))
  for (const { path: file } of lake.events.files) assert.ok(existsSync(file))
})
