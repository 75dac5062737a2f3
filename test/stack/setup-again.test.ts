/**
 * `setup` can be run again at any time: the second time it finds everything as it is and changes
 * nothing, and with --dry-run it changes nothing ever. Nothing means: topic and its settings,
 * tables, running job, dashboard, each as its service shows it, and no commit but those of the
 * running job.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigResourceTypes } from '@platformatic/kafka'
import type { Stack } from '../../deploy/stack/stack.ts'
import { loadConfig } from '../../src/config.ts'
import { flinkCommitIn } from '../../src/flink.ts'
import { readLake, TableError } from '../../src/table.ts'
import { runCommand } from '../support/product.ts'
import type { DistributedSide } from './support/distributed-side.ts'
import { runningJobs } from './support/flink-jobs.ts'
import { onFlinkSide } from './support/on-side.ts'
import { listAssets } from './support/superset-assets.ts'
import { withAdmin } from './support/topic.ts'

const SETUP_LIMIT_MS = 300_000
const SUPERSET = { user: 'admin', password: 'admin' }

test('setup twice changes nothing the second time, and --dry-run changes nothing ever', () =>
  onFlinkSide('setup', async (stack, side) => {
    await stack.start('superset')
    const superset = { url: `http://${stack.address('superset')}`, ...SUPERSET }
    await side.folder.configure({ ...side.fields, superset })

    const empty = await observe(stack, side)
    await setup(side, ['--dry-run'])
    assert.deepEqual(await observe(stack, side), empty, 'a dry run on an empty stack')

    await setup(side, [])
    const made = await observe(stack, side)
    assert.notDeepEqual(made, empty)
    assert.equal(made.jobs.length, 1)
    assert.equal(made.tables.length, 2)

    const again = await setup(side, [])
    assert.deepEqual(await observe(stack, side), made, 'a second setup')
    assert.doesNotMatch(again, /\bmade\b|\bchanged\b/)

    await setup(side, ['--dry-run'])
    assert.deepEqual(await observe(stack, side), made, 'a dry run on a stack that is set up')
  }))

async function setup(side: DistributedSide, options: readonly string[]): Promise<string> {
  const run = await runCommand(side.folder, ['setup', ...options], {
    environment: side.environment,
    limitMs: SETUP_LIMIT_MS,
  })
  assert.equal(run.exit.code, 0, run.stdout + run.stderr)
  return run.stdout
}

async function observe(stack: Stack, side: DistributedSide) {
  return {
    topic: await describeTopic(stack, side.topic),
    tables: await tablesOf(side),
    jobs: (await runningJobs(stack)).map(({ jid, name }) => `${jid} ${name}`),
    assets: await listAssets(`http://${stack.address('superset')}`, SUPERSET),
  }
}

async function describeTopic(stack: Stack, topic: string): Promise<unknown> {
  return await withAdmin(stack, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return null
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    const { id, partitionsCount } = metadata.topics.get(topic) ?? {}
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }],
    })
    const configs = described?.configs.map(({ name, value }) => `${name}=${value}`).sort()
    return { id, partitionsCount, configs }
  })
}

/**
 * Each table, without what the running job commits to it; none before the catalog has its own
 * tables.
 */
async function tablesOf({ folder, environment }: DistributedSide): Promise<readonly unknown[]> {
  Object.assign(process.env, environment)
  const config = loadConfig(folder.configPath, environment)
  const lake = await readLake(config).catch((error: unknown) => {
    if (error instanceof TableError && error.code === 'catalog-missing') return null
    throw error
  })
  if (lake === null) return []
  return [lake.events, lake.metrics].map(({ folder: place, properties, history }) => ({
    place,
    properties,
    commits: history
      .filter(({ summary }) => flinkCommitIn(summary) === null)
      .map(({ snapshotId }) => snapshotId),
  }))
}
