/**
 * Commits one event after the other and kills its own process with SIGKILL when a step comes for
 * the n-th time. usage: kill-child.ts PLACES STEP N, PLACES as JSON; prints the number of each
 * commit that was answered.
 */
import { writeSync } from 'node:fs'
import { type LakePlaces, openLake } from '../../src/table.ts'
import { dayRows, eventRow, metricsRow, NOON_US, WINDOW_US } from './fixture.ts'

const [places = '', killStep, killAt] = process.argv.slice(2)
let seen = 0
const lake = await openLake({
  ...(JSON.parse(places) as LakePlaces),
  windowUs: WINDOW_US,
  writer: 'embedded',
  nowUs: () => NOON_US,
  onStep(step) {
    if (step === killStep && ++seen === Number(killAt)) process.kill(process.pid, 'SIGKILL')
  },
})
for (let index = Number(lake.events.summary['campaign-metrics.next-offset'] ?? 0); ; index++) {
  const event = await lake.writeEventsFile(dayRows([eventRow({ eventId: `e-${index}` })]))
  const metrics = await lake.writeMetricsFile(event.day, [metricsRow({ impressions: index + 1 })])
  await lake.commit({
    events: { add: [event], remove: [] },
    metrics: { add: [metrics], remove: lake.metrics.files },
    summary: { 'campaign-metrics.next-offset': String(index + 1) },
    commitId: String(index),
  })
  // Written at once, not through a stream: what was said before the kill must have been heard.
  writeSync(1, `${index}\n`)
}
