/** F4: the collector dies with SIGKILL at any moment; with the embedded engine, the job dies with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { openRandom } from '../support/random.ts'

const SEED = Number(process.env.CRASH_SEED ?? 1)
const KILLS = 6
const PAUSE_MS = 1_500

test(`seed ${SEED}: Kafka with the embedded engine: ${KILLS} kills of collector and job, each accepted event once`, () =>
  onKafkaSide('collector', async (_, side) => {
    const report = await runFault(side, killAgainAndAgain)
    assert.ok(report.repeated > 0, 'no request met a kill')
  }))

test(`seed ${SEED}: Kafka with Flink: ${KILLS} kills of the collector, each accepted event once`, () =>
  onFlinkSide('collector', async (_, side) => {
    const report = await runFault(side, killAgainAndAgain)
    assert.ok(report.repeated > 0, 'no request met a kill')
  }))

async function killAgainAndAgain({ killProduct, traffic }: Running): Promise<void> {
  const random = openRandom(SEED)
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(random.below(PAUSE_MS))
    await killProduct()
    await traffic.more(1)
  }
}
