/**
 * What of Flink's answers becomes a figure: against answers that a JobManager of 2.1.3 gave while a
 * job of ours ran on RocksDB with parallelism 2.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openJobMetrics } from '../../../src/flink/cluster/job-metrics.ts'

type Metric = Readonly<Record<'id' | 'min' | 'sum', unknown>>
type Values = Readonly<Record<string, Readonly<Record<string, Metric>>>>

const ANSWERS = JSON.parse(
  readFileSync(new URL('../../golden/flink-rest/2.1.3.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, unknown>>
const JOB = '62e0b295b66a64390cd6b0e4d8a43237'
const WINDOWS = '7d3bf73cec389773d1896474f321aa76'

type Cluster = Readonly<{
  /** Paths that were asked for, without their host. */
  asked: string[]
  read: () => ReturnType<ReturnType<typeof openJobMetrics>['read']>
}>

/** Answers as recorded, but for what `other` answers; null is an answer of 500. */
async function open(
  t: TestContext,
  other: (path: string) => unknown = () => undefined,
): Promise<Cluster> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const found = other(path)
    const answer = found === undefined ? recorded(path) : found
    response.writeHead(answer === null ? 500 : 200).end(JSON.stringify(answer ?? { errors: [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const metrics = openJobMetrics(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { asked, read: () => metrics.read(JOB) }
}

function recorded(path: string): unknown {
  const { pathname, searchParams } = new URL(path, 'http://flink')
  const wanted = searchParams.get('get')
  const all = ANSWERS[pathname]
  if (wanted === null) return all ?? null
  const [, vertex] = /\/vertices\/(\w+)\//.exec(pathname) ?? []
  if (vertex === undefined)
    return (all as Metric[]).filter(({ id }) => wanted.split(',').includes(String(id)))
  const metric = (ANSWERS.values as Values)[vertex]?.[wanted]
  const aggregation = searchParams.get('agg') as 'min' | 'sum'
  return metric === undefined ? [] : [{ id: wanted, [aggregation]: metric[aggregation] }]
}

const CHECKPOINTS = {
  checkpoints: { completed: 1, failed: 35 },
  lastCheckpoint: {
    id: 1,
    completedUs: 1_795_978_893_533_000,
    durationMs: 8_265,
    bytes: 261_923,
  },
}

test('restarts, checkpoints, the watermark of the windows and ids are as Flink tells', async (t) => {
  const { read } = await open(t)
  assert.deepEqual(await read(), {
    restarts: 0,
    ...CHECKPOINTS,
    watermarkUs: 1_795_978_864_000_000,
    // Of both subtasks together: 2,446 and 2,583.
    ids: 5_029,
  })
})

test('where metrics are is looked for once: later readings take five requests', async (t) => {
  const { asked, read } = await open(t)
  const first = await read()
  asked.length = 0
  assert.deepEqual(await read(), first)
  assert.equal(asked.length, 5)
})

test('the figure of a request that fails is absent, and others are there', async (t) => {
  const { read } = await open(t, (path) => (path.endsWith('/checkpoints') ? null : undefined))
  const { checkpoints, lastCheckpoint, ...others } = await read()
  assert.deepEqual([checkpoints, lastCheckpoint], [undefined, undefined])
  assert.equal(others.ids, 5_029)
  const silent = await open(t, () => null)
  assert.deepEqual(await silent.read(), {})
  const strange = await open(t, () => ({ counts: 'none', latest: 7 }))
  assert.deepEqual(await strange.read(), {})
})

test('before its first checkpoint a job has the counts, and no last one', async (t) => {
  const { read } = await open(t, (path) =>
    path.endsWith('/checkpoints') ? ANSWERS['early checkpoints'] : undefined,
  )
  const { checkpoints, lastCheckpoint } = await read()
  // Those that were asked for while its tasks were still being deployed count as failed.
  assert.deepEqual(checkpoints, { completed: 0, failed: 18 })
  assert.equal(lastCheckpoint, undefined)
})

test('a watermark that no event has moved yet is none', async (t) => {
  const restored = (ANSWERS['restored values'] as Values)[WINDOWS] ?? {}
  const [metric] = Object.values(restored)
  assert.equal(metric?.min, -9_223_372_036_854_776_000)
  const { read } = await open(t, (path) =>
    path.includes(`${WINDOWS}/subtasks/metrics?`) ? [metric] : undefined,
  )
  assert.equal((await read()).watermarkUs, undefined)
})

test('with ids in the heap there is no number of them; it is not looked for each time', async (t) => {
  const { asked, read } = await open(t, (path) => {
    const names = path.endsWith('/subtasks/metrics') ? (recorded(path) as Metric[]) : undefined
    return names?.filter(({ id }) => !String(id).includes('rocksdb'))
  })
  for (let reading = 0; reading < 6; reading++) assert.equal((await read()).ids, undefined)
  const searches = asked.filter((path) => path.endsWith(`${WINDOWS}/subtasks/metrics`))
  assert.equal(searches.length, 1)
})

/** The job runs for so long, and the copy of its metrics was made when it had `uptime` seconds. */
function runningFor(seconds: number, uptime: number, state = 'RUNNING') {
  const nowMs = 1_795_978_900_000
  return (path: string): unknown => {
    if (path.includes('?get=numRestarts,uptime')) {
      return [
        { id: 'uptime', value: String(uptime * 1000) },
        { id: 'numRestarts', value: '3' },
      ]
    }
    if (path !== `/jobs/${JOB}`) return undefined
    const timestamps = { RUNNING: nowMs - seconds * 1000 }
    return { ...(recorded(path) as object), state, now: nowMs, timestamps }
  }
}

test('figures that Flink has not renewed for more than a minute are absent', async (t) => {
  for (const [seconds, uptime] of [
    [100, 80],
    [100, 40],
    // Fetched while the job was being restored.
    [20, 0],
  ] as const) {
    const { read } = await open(t, runningFor(seconds, uptime))
    const { restarts, ids } = await read()
    assert.deepEqual({ restarts, ids }, { restarts: 3, ids: 5_029 }, `${seconds} ${uptime}`)
  }
  for (const [seconds, uptime] of [
    [100, 39],
    [7_200, 6_600],
    // Of the attempt before.
    [5, 3_600],
  ] as const) {
    const { read } = await open(t, runningFor(seconds, uptime))
    assert.deepEqual(await read(), CHECKPOINTS, `${seconds} ${uptime}`)
  }
})

test('while a job is being restored its last figures are there', async (t) => {
  const { read } = await open(t, runningFor(900, 0, 'RESTARTING'))
  assert.equal((await read()).restarts, 3)
})
