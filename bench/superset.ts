/**
 * The Superset dashboard against its goals: ten viewers who refresh at the same moment, every ten
 * seconds.
 *
 * usage: npm run bench:superset -- [--url http://localhost:8088] [--user admin] [--password admin]
 *                                  [--viewers 10] [--rounds 12] [--cold-rounds 4]
 *
 * Without --url it starts PostgreSQL, S3, Trino and Superset, with two hours of twelve campaigns in
 * the tables; with it, it runs against a Superset that has the dashboard (`campaign-metrics
 * setup`). A warm round starts ten seconds after the one before, so that part of the cache has
 * expired, as in real use; a cold round starts after all of it has. A figure short of its goal is
 * marked SHORT and is no failure; an answer that is not a success is one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { CACHE_SECONDS, CHART_IDS } from '../src/dashboard/superset/charts.ts'
import { setUpSuperset } from '../src/dashboard.ts'
import { adTraffic, secondsAround, WINDOW_MS } from '../test/stack/support/ad-traffic.ts'
import { openLakeStack } from '../test/stack/support/lake-stack.ts'
import { describeMachine, describeRevision, readBusySeconds } from './support/machine.ts'
import { recordRefresh, signInViewer } from './support/superset-viewers.ts'

const REFRESH_MS = 10_000
const WARM_GOAL_MS = 3_000
const COLD_GOAL_MS = 5_000
const WARM_UP_ROUNDS = 8

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    user: { type: 'string', default: 'admin' },
    password: { type: 'string', default: 'admin' },
    viewers: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '12' },
    'cold-rounds': { type: 'string', default: '4' },
  },
})
const { user, password } = values
if (values.url === undefined) await measureOwn()
else await measure(values.url)

/** On services that are started for it. */
async function measureOwn(): Promise<void> {
  const lake = await openLakeStack(['superset'])
  try {
    const url = `http://${lake.stack.address('superset')}`
    await lake.makeTables()
    const { events, windows } = adTraffic(Date.now())
    await lake.writeEvents([...events, ...secondsAround(Date.now())])
    await lake.writeWindows(windows)
    await setUpSuperset({
      superset: { url, user, password },
      database: { trinoUrl: lake.trinoUrl, user: 'superset', password: null, catalog: null },
      windowUs: WINDOW_MS * 1000,
      currency: 'EUR',
      isDryRun: false,
    })
    await measure(url)
  } finally {
    await lake.close()
  }
}

async function measure(address: string): Promise<void> {
  const account = { url: address.replace(/\/+$/, ''), user, password }
  const requests = await recordRefresh(account, CHART_IDS.length)
  const viewers = await Promise.all(
    Array.from({ length: Number(values.viewers) }, () => signInViewer(account)),
  )
  const refreshAll = () => Promise.all(viewers.map((viewer) => viewer.refresh(requests)))

  // Superset and Trino compile and connect at their first answers.
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await refreshAll()

  const cold: number[] = []
  for (let round = 0; round < Number(values['cold-rounds']); round++) {
    await sleep(3 * CACHE_SECONDS * 1000)
    cold.push(...(await refreshAll()))
  }
  const warm: number[] = []
  const busy = readBusySeconds()
  for (let round = 0; round < Number(values.rounds); round++) {
    const begin = performance.now()
    warm.push(...(await refreshAll()))
    await sleep(Math.max(0, REFRESH_MS - (performance.now() - begin)))
  }
  const cpu = (readBusySeconds() - busy) / Number(values.rounds)

  const table = new Table({ head: ['refresh of a viewer', 'goal p95', 'median', 'p95', 'max', ''] })
  table.push(rowOf('every 10 s, shared cache', WARM_GOAL_MS, warm))
  table.push(rowOf('cold cache', COLD_GOAL_MS, cold))
  console.log(describeMachine())
  console.log(describeRevision(import.meta.dirname))
  console.log(
    `${viewers.length} viewers, ${requests.length} charts, ${cpu.toFixed(1)} s of CPU every 10 ` +
      's, the machine in all',
  )
  console.log(table.toString())
}

function rowOf(what: string, goalMs: number, timesMs: readonly number[]): string[] {
  const sorted = [...timesMs].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
  const outcome = at(0.95) < goalMs ? 'ok' : 'SHORT'
  return [
    what,
    `< ${seconds(goalMs)}`,
    seconds(at(0.5)),
    seconds(at(0.95)),
    seconds(at(1)),
    outcome,
  ]
}
