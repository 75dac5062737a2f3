/**
 * Exactly once, under SIGKILL (F4); at `committed` the commit has landed and its writer never hears
 * of it, and a new process goes on (F2). `npm test` kills at every named step once and a few times
 * at random; `npm run test:crash -- --kills 100 --seed 7` is the long run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOG_STEPS } from '../../src/log.ts'
import { COMMIT_STEPS } from '../../src/table.ts'
import { planKills, runKills } from './kill-run.ts'

const SEED = Number(process.env.CRASH_SEED ?? 1)
const RANDOM_KILLS = 3
const STEPS: readonly string[] = [...LOG_STEPS, ...COMMIT_STEPS]
const KILLS = Number(process.env.CRASH_KILLS ?? STEPS.length + RANDOM_KILLS)

test(`seed ${SEED}: each event is stored once, through ${KILLS} kills at any step`, async () => {
  const report = await runKills({ seed: SEED, kills: planKills(SEED, STEPS, KILLS) })
  assert.deepEqual(report.notReached, [])
  assert.ok(report.kills >= 10)
  assert.ok(report.sent.repeated >= 5, `only ${report.sent.repeated} requests had to be repeated`)
})
