/**
 * Spark beside a process on this machine that commits twice a second, by the lines of
 * docs/reading.md and with its defaults otherwise, for longer than snapshots live.
 */
import { test } from 'node:test'
import { checkSparkLive } from '../readers/spark-live.ts'

test('Spark queries every 8 s, streams, goes on after a pause, and may not write', async (t) => {
  t.diagnostic(await checkSparkLive())
})
