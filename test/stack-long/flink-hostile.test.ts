/**
 * A cluster whose defaults contradict all that the job relies on: the job brings its own settings
 * along, and no snapshot that was ever committed holds a window twice.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Stack } from '../../deploy/stack/stack.ts'
import { jobSettings } from '../../src/flink/job/job-settings.ts'
import { KAFKA_SIDE_SERVICES, openFlinkSide } from '../stack/support/distributed-side.ts'
import { watchSnapshots } from '../stack/support/doubled-windows.ts'
import { runFault } from '../stack/support/fault-run.ts'
import { runningJobs } from '../stack/support/flink-jobs.ts'
import {
  HOSTILE_DEFAULTS,
  HOSTILE_EDITS,
  restartFlink,
  stopFlink,
} from '../stack/support/hostile-defaults.ts'
import { openSharedStack } from '../stack/support/shared-stack.ts'

const SECOND_MS = 1_000
const PARALLELISM = 2

test('every setting of the job has a hostile default here', () => {
  const settings = jobSettings('name', {
    parallelism: PARALLELISM,
    checkpointIntervalMs: 2 * SECOND_MS,
    idleTimeoutMs: 2 * SECOND_MS,
    dedupeHorizonMs: 3_600 * SECOND_MS,
    stateBackend: 'rocksdb',
  })
  const { 'pipeline.name': _, ...others } = settings
  assert.deepEqual(Object.keys(HOSTILE_DEFAULTS).sort(), Object.keys(others).sort())
  const agreeing = Object.keys(others).filter((key) => HOSTILE_DEFAULTS[key] === others[key])
  assert.deepEqual(agreeing, [])
})

test('on a cluster with hostile defaults the job has its own settings, and is right', async (t) => {
  const stack = await openSharedStack([...KAFKA_SIDE_SERVICES, 'trino'], HOSTILE_EDITS)
  await restartFlink(stack)
  const side = await openFlinkSide(stack, 'hostile', { kafka: { partitions: 6 } })
  const watch = watchSnapshots(stack.address('trino'))
  try {
    const flink = side.fields.flink as Readonly<Record<string, unknown>>
    await side.folder.configure({ ...side.fields, flink: { ...flink, parallelism: PARALLELISM } })
    const report = await runFault(
      side,
      async ({ traffic }) => {
        await expectOwnSettings(stack)
        await stack.kill('taskmanager', 'SIGKILL')
        await stack.start('taskmanager')
        await watch.another()
        await traffic.more(4_000)
      },
      { eventsPerSecond: 1_000, lateShare: 0.05 },
    )
    const snapshots = await watch.end()
    t.diagnostic(JSON.stringify({ ...report, snapshots: snapshots.count }))
    assert.deepEqual(snapshots.doubled, [])
  } finally {
    await watch.end().catch(() => {})
    await side.close()
    // The next file starts them with their own configuration.
    await stopFlink(stack)
  }
})

/** What Flink shows of the job, in its REST interface and in its files. */
async function expectOwnSettings(stack: Stack): Promise<void> {
  const [job] = await runningJobs(stack)
  assert.ok(job !== undefined)
  const ask = async (path: string): Promise<unknown> =>
    await (await fetch(`http://${stack.address('jobmanager')}${path}`)).json()

  const cluster = (await ask('/jobmanager/config')) as readonly { key: string; value: string }[]
  const defaults = new Map(cluster.map(({ key, value }) => [key, value]))
  assert.equal(defaults.get('execution.checkpointing.unaligned.enabled'), 'true')

  const checkpoints = (await ask(`/jobs/${job.jid}/checkpoints/config`)) as Record<string, unknown>
  const expected: Record<string, unknown> = {
    mode: 'exactly_once',
    interval: 2 * SECOND_MS,
    timeout: 180 * SECOND_MS,
    min_pause: 0,
    max_concurrent: 1,
    externalization: { enabled: true, delete_on_cancellation: false },
    state_backend: 'EmbeddedRocksDBStateBackend',
    checkpoint_storage: 'FileSystemCheckpointStorage',
    unaligned_checkpoints: false,
    aligned_checkpoint_timeout: 0,
    checkpoints_after_tasks_finish: true,
    tolerable_failed_checkpoints: 1_000_000,
    state_changelog_enabled: false,
  }
  const found = Object.keys(expected).map((key) => [key, checkpoints[key]])
  assert.deepEqual(Object.fromEntries(found), expected)

  const { vertices } = (await ask(`/jobs/${job.jid}`)) as {
    vertices: readonly { name: string; parallelism: number; maxParallelism: number }[]
  }
  for (const { name, parallelism, maxParallelism } of vertices) {
    const expected = name.startsWith('IcebergFilesCommitter') ? 1 : 1_024
    assert.equal(maxParallelism, expected, name)
    assert.ok(parallelism <= PARALLELISM, name)
  }
  assert.ok(vertices.some(({ parallelism }) => parallelism === PARALLELISM))
  const plan = vertices.map(({ name }) => name).join('\n')
  assert.match(plan, /Deduplicate.*LocalWindowAggregate/, 'chained, aggregated in two phases')
  assert.doesNotMatch(plan, /MiniBatch|SinkMaterializer|StreamRecordTimestampInserter/)

  const folder = dirname((await stack.state('taskmanager')).log)
  const [options] = globSync('**/OPTIONS-*', { cwd: folder })
  assert.ok(options !== undefined, 'RocksDB has written its options')
  const rocksdb = readFileSync(join(folder, options), 'utf8')
  for (const line of ['filter_policy=bloomfilter:10:false', 'partition_filters=false']) {
    assert.ok(rocksdb.includes(line), line)
  }
  assert.match(rocksdb, /compaction_style=kCompactionStyleUniversal/)
}
