/**
 * The embedded engine with its tables on S3 and their catalog in PostgreSQL: killed at every step,
 * and with either service away for half a minute, every accepted event is in the tables once.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { COMMIT_STEPS } from '../../src/table.ts'
import { planKills, runKills } from '../crash/kill-run.ts'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { checkTables, openInputFile } from '../support/readers.ts'
import { until } from '../support/until.ts'
import { type LakeServices, openLakeServices } from './support/lake-services.ts'

let services: LakeServices
before(async () => {
  services = await openLakeServices()
})
after(() => services.close())

const AWAY_MS = 30_000
const BATCH_ROWS = 500

test('each accepted event is stored once, through kills at every commit step (F4)', async () => {
  const config = await services.config()
  const kills = planKills(5, COMMIT_STEPS, COMMIT_STEPS.length + 3)
  const report = await runKills({ seed: 5, kills, config })
  assert.deepEqual(report.notReached, [])
})

for (const service of ['postgres', 's3'] as const) {
  test(`${service} away: commits wait and say why, no event is lost or twice (F15)`, async (t) => {
    const folder = await openFolder(await services.config())
    const input = await openInputFile(folder)
    const product = await startProduct(folder)
    t.after(async () => {
      await product.kill()
      await folder.close()
    })
    let batch = 0
    const send = async (): Promise<void> => {
      const lines = eventLines(`${service}-${batch++}`, BATCH_ROWS)
      await postAccepted(product.url, lines.join('\n'))
      await input.add(lines)
    }
    await send()
    await waitUntilSettled(product.url)
    // In the middle of traffic, without a word.
    const sending = (async () => {
      const untilMs = performance.now() + AWAY_MS + 5_000
      while (performance.now() < untilMs) {
        await send()
        await sleep(100)
      }
    })()
    await sleep(1_000)
    await services.stack.kill(service, 'SIGKILL')
    const awayMs = performance.now()
    const words = service === 's3' ? /s3:\/\/|S3|failed/ : /catalog postgresql:/
    const problem = await problemOf(product.url, words)
    await sleep(AWAY_MS - (performance.now() - awayMs))
    await services.stack.start(service)
    await sending
    await waitUntilSettled(product.url, 90_000)
    assert.match(problem, words)
    await until(async () => (await readStatus(product.url)).healthy === true)
    const verify = await runCommand(folder, ['verify'])
    assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
    const summary = await checkTables(folder, [input.path])
    assert.equal(summary.rawRows, batch * BATCH_ROWS)
    const exit = await product.stop()
    assert.deepEqual(exit, { code: 0, signal: null }, product.output())
  })
}

/** The problem that the status names while commits are held up. */
async function problemOf(url: string, words: RegExp): Promise<string> {
  const deadline = AbortSignal.timeout(AWAY_MS - 5_000)
  for (;;) {
    const { problems } = await readStatus(url)
    const found = (problems as readonly string[]).find((problem) => words.test(problem))
    if (found !== undefined) return found
    if (deadline.aborted) return assert.fail(`no such problem: ${JSON.stringify(problems)}`)
    await sleep(200)
  }
}
