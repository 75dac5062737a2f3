/** F4, F9: maintenance dies at any moment: in the middle of a merge, an amendment, an expiry. It runs inside `start`. */
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { openRandom } from '../support/random.ts'

const SEED = Number(process.env.CRASH_SEED ?? 1)
const KILLS = 5
/** So many late events that there is always something to amend. */
const LATE_SHARE = 0.1

test(`seed ${SEED}: Kafka with Flink: ${KILLS} kills while late windows are amended and files compacted`, () =>
  onFlinkSide('upkeep', async (_, side) => {
    await runFault(side, killAtWork, { lateShare: LATE_SHARE, eventsPerSecond: 1_000 })
  }))

test(`seed ${SEED}: Kafka with the embedded engine: ${KILLS} kills while files are merged`, () =>
  onKafkaSide(
    'upkeep',
    async (_, side) => {
      await runFault(side, killAtWork, { lateShare: LATE_SHARE, eventsPerSecond: 1_000 })
    },
    { commitInterval: '200ms' },
  ))

/** Maintenance comes soon after a start, and then again and again: kills at up to 6 s meet it everywhere. */
async function killAtWork({ killProduct, traffic }: Running): Promise<void> {
  const random = openRandom(SEED)
  for (let kill = 0; kill < KILLS; kill += 1) {
    await traffic.more(1)
    await sleep(500 + random.below(5_000))
    await killProduct()
  }
}
