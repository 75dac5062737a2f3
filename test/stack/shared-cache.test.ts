/**
 * Of viewers who ask Superset for one figure at once, one computes it; in four processes of five
 * threads.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { superset } from '../../deploy/stack/service/superset.ts'

type Got = Readonly<{ how: 'computed' | 'found'; value: string; seconds: number }>
type Printed = Readonly<{
  cold: readonly Got[]
  stale: readonly Got[]
  abandoned: Readonly<{ first: null; second: null; seconds: number }>
}>

const ROOT = join(import.meta.dirname, '../..')
const VIEWERS = 20
let folder: string
let printed: Printed
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-metrics-cache-'))
  superset.install({})
  const [complete = ''] = globSync(join(ROOT, '.tools/stack/superset-*.complete'))
  const python = join(complete.replace(/\.complete$/, ''), 'bin/python')
  const words = [join(ROOT, 'test/stack/shared_cache_run.py'), join(ROOT, 'deploy/superset')]
  const done = spawnSync(python, [...words, join(folder, 'cache')], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr ?? String(done.error))
  printed = JSON.parse(done.stdout) as Printed
})
after(() => rm(folder, { recursive: true, force: true }))

test('with nothing there, one computes and the others wait for it', () => {
  assert.equal(printed.cold.filter(({ how }) => how === 'computed').length, 1)
  assert.deepEqual(
    printed.cold.map(({ value }) => value),
    Array(VIEWERS).fill('a'),
  )
})

test('with an old figure there, one computes and the others have the old one at once', () => {
  const computed = printed.stale.filter(({ how }) => how === 'computed')
  assert.deepEqual(
    computed.map(({ value }) => value),
    ['b'],
  )
  const others = printed.stale.filter(({ how }) => how === 'found')
  assert.ok(others.every(({ value }) => value === 'a' || value === 'b'))
  // Whoever began before the computing ended did not wait for it.
  assert.ok(others.filter(({ value }) => value === 'a').length > VIEWERS / 2)
})

test('when the one who computes fails, another may after a while', () => {
  const { first, second, seconds } = printed.abandoned
  assert.deepEqual([first, second], [null, null])
  assert.ok(seconds >= 0.9 && seconds < 10, `${seconds} s`)
})
