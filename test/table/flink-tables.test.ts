/**
 * Tables that Flink writes (golden files of Flink 2.1.3 with Iceberg 1.11.0): they are read as
 * Flink counted them, written again with everything that is Flink's, and expiry leaves the trail by
 * which Flink finds its last checkpoint.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { parseExact, stringifyExact } from '../../src/runtime.ts'
import { planCommit, planExpiry } from '../../src/table/commit/plan.ts'
import { TABLES, type TableKey } from '../../src/table/definition.ts'
import { loadForWriting, loadTable, type TableState } from '../../src/table/load-table.ts'
import type { Snapshot, Summary } from '../../src/table/snapshot.ts'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
import {
  newTableMetadata,
  parseMetadata,
  serializeMetadata,
} from '../../src/table/table-metadata.ts'
import { newestWith, viewOf } from '../../src/table/table-view.ts'
import { openRandom } from '../support/random.ts'
import { wallTimes } from './fixture.ts'

const GOLDEN = path.join(import.meta.dirname, '../golden/flink')
const METADATA = 'table.metadata.json'

/** The golden files where their locations say they are. */
function goldenStorage(key: TableKey): Storage {
  const folder = path.join(GOLDEN, TABLES[key].name)
  const read = (file: string): Promise<Buffer> => readFile(path.join(folder, path.basename(file)))
  return { ...openDiskStorage(), read }
}

const load = (key: TableKey): Promise<TableState> =>
  loadTable(goldenStorage(key), TABLES[key], `s3://lake/${METADATA}`)

function exactJson(text: string): unknown {
  return parseExact(text, ['snapshot-id', 'parent-snapshot-id', 'current-snapshot-id'])
}

/** How Iceberg's Flink sink finds what it has committed: SinkUtil.getMaxCommittedCheckpointId. */
function flinkFinds(metadata: string, job: string, operator: string): number {
  const json = exactJson(metadata) as {
    'current-snapshot-id': bigint
    snapshots: readonly { 'snapshot-id': bigint; 'parent-snapshot-id'?: bigint; summary: Summary }[]
  }
  const byId = new Map(json.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]))
  let at = byId.get(json['current-snapshot-id'])
  while (at !== undefined) {
    const { summary } = at
    const isOfJob = summary['flink.job-id'] === job
    const operatorId = summary['flink.operator-id']
    if (isOfJob && (operatorId === undefined || operatorId === operator)) {
      const checkpoint = summary['flink.max-committed-checkpoint-id']
      if (checkpoint !== undefined) return Number(checkpoint)
    }
    const parent = at['parent-snapshot-id']
    at = parent === undefined ? undefined : byId.get(parent)
  }
  return -1
}

for (const key of ['events', 'metrics'] as const) {
  const text = readFileSync(path.join(GOLDEN, TABLES[key].name, METADATA), 'utf8')

  test(`${TABLES[key].name}: what Flink wrote is read by file, with days and bounds`, async () => {
    const state = await load(key)
    const { files, summary } = viewOf(state)
    const total = (pick: 'rows' | 'bytes'): string =>
      String(files.reduce((sum, file) => sum + file[pick], 0))
    assert.equal(String(files.length), summary['total-data-files'])
    assert.equal(total('rows'), summary['total-records'])
    assert.equal(total('bytes'), summary['total-files-size'])
    for (const file of files) {
      assert.match(
        file.path,
        new RegExp(`^s3://lake/.*${TABLES[key].spec.name}=\\d{4}-\\d\\d-\\d\\d/`),
      )
      const day = /_day=([\d-]+)\//.exec(file.path)?.[1] ?? ''
      assert.equal(file.day, Date.parse(day) / 86_400_000)
      const bound = Buffer.from(file.lowerBounds.get(TABLES[key].spec.sourceId) ?? [])
      assert.equal(Math.floor(Number(bound.readBigInt64LE()) / 86_400_000_000), file.day)
    }
  })

  test(`${TABLES[key].name}: written again it is the same, whatever it holds`, () => {
    const json = exactJson(text) as Record<string, unknown>
    const more = {
      ...json,
      'next-row-id': 9_007_199_254_740_993n,
      'a-later-field': { nested: [1, { deep: 18_014_398_509_481_985n }] },
      refs: { main: { ...(json.refs as { main: object }).main, 'min-snapshots-to-keep': 3 } },
    }
    const rich = stringifyExact(more)
    const again = serializeMetadata(parseMetadata(TABLES[key], 'file', rich))
    assert.deepEqual(exactJson(again), exactJson(rich))
  })

  test(`${TABLES[key].name}: a commit keeps Flink's trail and carries only our keys`, async () => {
    const storage = goldenStorage(key)
    const known = { lists: new Map(), manifests: new Map() }
    const state = await loadForWriting(storage, TABLES[key], `s3://lake/${METADATA}`, known)
    const flink = viewOf(state).summary
    const policy = { allMs: 0, stepMs: 1, minutelyMs: 0, snapshotsMax: 1 }
    const [file] = viewOf(state).files
    assert.ok(file !== undefined)
    const change = { add: [], remove: [file] }
    const names = { snapshotId: 7n, uuid: 'u' }
    const nowMs = state.metadata.lastUpdatedMs + 1
    const expiry = { policy, isShared: true, times: wallTimes(nowMs) }
    const own = { 'campaign-metrics.mark': '5' }
    const plan = planCommit(state, change, own, names, nowMs, expiry)
    const next = { ...state, metadata: plan.metadata, metadataPath: plan.metadataPath }
    assert.match(
      plan.metadataPath,
      /^s3:\/\/lake\/warehouse\/campaigns\/\w+\/metadata\/0\d+-u\.metadata\.json$/,
    )
    const { summary } = viewOf(next)
    assert.equal(summary['campaign-metrics.mark'], '5')
    assert.deepEqual(
      Object.keys(summary).filter((name) => name.startsWith('flink.')),
      [],
    )
    assert.equal(summary['total-records'], String(Number(flink['total-records']) - file.rows))
    const [job = '', operator = ''] = [flink['flink.job-id'], flink['flink.operator-id']]
    const checkpoint = Number(flink['flink.max-committed-checkpoint-id'])
    assert.equal(flinkFinds(serializeMetadata(plan.metadata), job, operator), checkpoint)
    assert.equal(newestWith(viewOf(next), 'flink.job-id')?.summary['flink.job-id'], job)
    assert.equal(plan.metadata.snapshots.length, 2, 'all else has expired')
  })
}

type Model = { job: string; checkpoint: number; mark: string | null }

test('whoever commits and whatever expires, Flink finds its newest job, and we our marks', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = openRandom(seed)
    const policy = { allMs: 3_000, stepMs: 1, minutelyMs: 20_000, snapshotsMax: 12 }
    let nowMs = 1_795_348_800_000
    let id = 0n
    const metadata = newTableMetadata(TABLES.events, 'uuid', 's3://b/t', {}, nowMs)
    let state: TableState = {
      table: TABLES.events,
      metadata,
      metadataPath: 's3://b/t/metadata/00000-a.metadata.json',
      manifests: [],
      retired: [],
    }
    const model: Model = { job: 'job-0', checkpoint: 0, mark: null }
    let jobs = 0
    const append = (summary: Summary): void => {
      const { current, snapshots, lastSequenceNumber } = state.metadata
      const snapshot: Snapshot = {
        id: ++id,
        parentId: current?.id ?? null,
        sequenceNumber: lastSequenceNumber + 1,
        timestampMs: nowMs,
        manifestListPath: `s3://b/t/metadata/snap-${id}.avro`,
        operation: 'append',
        summary,
        others: {},
      }
      state = {
        ...state,
        metadata: {
          ...state.metadata,
          current: snapshot,
          snapshots: [...snapshots, snapshot],
          lastSequenceNumber: snapshot.sequenceNumber,
          lastUpdatedMs: nowMs,
        },
      }
    }
    for (let step = 0; step < 300; step++) {
      nowMs += random.below(4_000)
      const expiry = { policy, isShared: true, times: wallTimes(nowMs) }
      const what = random.below(10)
      if (what < 5) {
        if (random.below(40) === 0) model.job = `job-${++jobs}`
        model.checkpoint++
        append({
          'flink.job-id': model.job,
          'flink.operator-id': 'op',
          'flink.max-committed-checkpoint-id': String(model.checkpoint),
        })
      } else if (what < 6) append({ trino_query_id: String(step) })
      else if (what < 8) {
        const own = random.below(2) === 0 ? { 'campaign-metrics.mark': String(step) } : {}
        model.mark = own['campaign-metrics.mark'] ?? model.mark
        const names = { snapshotId: ++id, uuid: String(step) }
        const key = { ...own, 'campaign-metrics.commit-id': String(step) }
        const plan = planCommit(state, { add: [], remove: [] }, key, names, nowMs, expiry)
        state = { ...state, metadata: plan.metadata, metadataPath: plan.metadataPath }
      } else {
        const plan = planExpiry(state, String(step), nowMs, expiry)
        if (plan !== null) {
          state = { ...state, metadata: plan.metadata, metadataPath: plan.metadataPath }
        }
      }
      const text = serializeMetadata(state.metadata)
      const isCommitted = model.checkpoint > 0
      assert.equal(
        flinkFinds(text, model.job, 'op'),
        isCommitted ? model.checkpoint : -1,
        `seed ${seed}, step ${step}`,
      )
      const view = viewOf({ ...state, metadata: parseMetadata(TABLES.events, 'file', text) })
      const mark = newestWith(view, 'campaign-metrics.mark')?.summary['campaign-metrics.mark']
      assert.equal(mark ?? null, model.mark, `seed ${seed}, step ${step}`)
    }
    assert.ok(state.metadata.snapshots.length < 60, `${state.metadata.snapshots.length} snapshots`)
  }
})
