/**
 * The long crash run, by hand and overnight.
 * usage: npm run test:crash -- [--kills 100] [--seed S]
 */
import { parseArgs } from 'node:util'
import { LOG_STEPS } from '../../src/log.ts'
import { COMMIT_STEPS } from '../../src/table.ts'
import { planKills, runKills } from './kill-run.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const seed = Number(values.seed)
const kills = planKills(seed, [...LOG_STEPS, ...COMMIT_STEPS], Number(values.kills))
console.log(`crash run: ${kills.length} kills, seed ${seed}`)
const startedMs = Date.now()
const report = await runKills({ seed, kills, say: (line) => console.log(line) })
const seconds = Math.round((Date.now() - startedMs) / 1000)
console.log(
  `${report.kills} kills and ${report.stops} stops in ${seconds} s, the clock set ` +
    `${report.clockSteps} times; ${report.sent.events} events in ` +
    `${report.sent.requests} requests, ${report.sent.repeated} of them repeated; ` +
    'every event stored once, verify passed',
)
if (report.notReached.length > 0) {
  console.error(`steps never reached: ${report.notReached.join(', ')}`)
  process.exitCode = 1
}
