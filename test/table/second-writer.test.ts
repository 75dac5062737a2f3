/**
 * A lake beside a second writer: overtaken again and again, it plans anew, and gives up after a
 * while without a trace.
 */
import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { openCatalog } from '../../src/table/catalog.ts'
import { type LakeOptions, TableError } from '../../src/table.ts'
import { dayRows, eventRow, metricsRow, openPlace } from './fixture.ts'

/** A catalog in which another writer is quicker so many times. */
function overtaking(times: number): NonNullable<LakeOptions['openCatalog']> {
  let left = times
  return async (place) => {
    const inner = await openCatalog(place)
    return {
      ...inner,
      async swap(base, next, onStep) {
        if (left-- <= 0) return await inner.swap(base, next, onStep)
        throw new TableError('commit-conflict', { table: 'campaign_events', base: '', current: '' })
      },
    }
  }
}

test('a commit overtaken nine times is there once; what it wrote in vain is gone', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open({ writer: 'flink', openCatalog: overtaking(9) })
  const file = await lake.writeEventsFile(dayRows([eventRow()]))
  await lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: '1' })
  assert.equal(lake.events.files.length, 1)
  assert.equal(lake.metrics.snapshotId, null, 'a table without a change has no snapshot')
  assert.equal(await lake.sweepOrphans(Number.POSITIVE_INFINITY), 0)
})

test('the tenth time it is refused, and nothing but its data file stays', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open({ writer: 'flink', openCatalog: overtaking(10) })
  const file = await lake.writeMetricsFile(dayRows([eventRow()]).day, [metricsRow()])
  const change = { metrics: { add: [file], remove: [] }, summary: {}, commitId: '1' }
  await assert.rejects(lake.commit(change), { code: 'commit-conflict' })
  assert.equal(await lake.sweepOrphans(Number.POSITIVE_INFINITY), 1)
  assert.equal(lake.metrics.snapshotId, null)
})

test('a commit of our own job that was overtaken nine times lands; ten times, it may later', async (t) => {
  const place = await openPlace(t)
  const nine = await place.open({ openCatalog: overtaking(9) })
  await nine.commit({ summary: {}, commitId: '1' })
  await nine.close()
  const ten = await place.open({ openCatalog: overtaking(10) })
  const change = { summary: {}, commitId: '2' }
  await assert.rejects(ten.commit(change), { code: 'overtaken', canRetry: true })
  await ten.commit(change)
})

test('a commit of another process of ours is never built upon', async (t) => {
  const place = await openPlace(t)
  const first = await place.open()
  await first.commit({ summary: {}, commitId: '1' })
  const copy = path.join(place.folder, 'copy.db')
  // A lock that does not hold, as behind a pooler: the same file under another name.
  await symlink(place.catalogPath, copy)
  const second = await place.open({ catalog: { kind: 'sqlite', path: copy } })
  await second.commit({ summary: { 'campaign-metrics.log-id': 'l' }, commitId: '2' })
  await assert.rejects(first.commit({ summary: {}, commitId: '3' }), { code: 'commit-conflict' })
})

test('a connection that broke while nobody used it is not used again', async (t) => {
  const place = await openPlace(t)
  let opened = 0
  let broken = 0
  const openBreakable: NonNullable<LakeOptions['openCatalog']> = async (at) => {
    const inner = await openCatalog(at)
    const own = ++opened
    return {
      ...inner,
      async read() {
        if (own <= broken) throw new Error('not queryable')
        return await inner.read()
      },
    }
  }
  const lake = await place.open({ writer: 'flink', openCatalog: openBreakable })
  broken = opened
  await lake.refresh()
  assert.equal(opened, 2)
  broken = opened
  const file = await lake.writeEventsFile(dayRows([eventRow()]))
  await lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: '1' })
  assert.equal(lake.events.files.length, 1)
})

test('a catalog that refuses every try is quoted, also where its error has no cause', async (t) => {
  const place = await openPlace(t)
  const openRefusing: NonNullable<LakeOptions['openCatalog']> = async (at) => ({
    ...(await openCatalog(at)),
    async swap() {
      throw new TableError('catalog-failed', { catalog: 'the catalog', reason: 'no quorum' })
    },
  })
  const lake = await place.open({ openCatalog: openRefusing })
  const refused = { code: 'catalog-failed', message: /no quorum.*; 5 tries/ }
  await assert.rejects(lake.commit({ summary: {}, commitId: '1' }), refused)
})
