/**
 * The crash run: senders keep sending while the product is killed with SIGKILL again and again, at
 * named steps (it kills itself there, see `CAMPAIGN_METRICS_KILL_AT`) or at random moments. At the
 * end everything answered must be in the tables exactly once, and nothing else.
 *
 *   start(kill at step) ── dies ── start(kill at step) ── dies ── … ── start ── check
 *   sender 1..n  ───────────────── retries ─────────────────────────────── finish
 */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { readStatus, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { type Exit, runCommand, StartRefused, startProduct } from '../support/product.ts'
import { openRandom } from '../support/random.ts'
import { checkTables, openInputFile, skipReaders } from '../support/readers.ts'
import { type Address, type Sender, type Sent, startFiller, startSender } from './sender.ts'
import { tearTail } from './torn-tail.ts'

/** A step as `name` or `name:n` for its n-th occurrence, or a number of milliseconds after the start. */
export type Kill = string | number

export type KillReport = Readonly<{
  kills: number
  /** Steps that the product never came to within the limit: nothing was shown about them. */
  notReached: readonly string[]
  sent: Sent
}>

const SENDERS = 3
const STEP_LIMIT_MS = 20_000
/** Segments are free soon after the tables hold their events, so that the run sees them used again. */
const SHORT_LOG = { logRetention: { time: '0', size: '256MiB' } }
const LONG_LOG = { logRetention: { time: '1h', size: '2GiB' } }
const SEGMENTS = 7
/** Steps that normal traffic does not come to, with what brings the product to them. */
const AT_RECOVERY = /^tail-/
const AT_SEGMENT_END = /^segment-(recycled|removed)/
const ONCE_A_START = /^(spare|segment)-/
const AT_REMOVAL = /^segment-removed/

export async function runKills(
  options: Readonly<{
    seed: number
    kills: readonly Kill[]
    config?: Readonly<Record<string, unknown>>
    say?: (line: string) => void
  }>,
): Promise<KillReport> {
  const say = options.say ?? (() => {})
  const folder = await openFolder({ ...SHORT_LOG, ...options.config })
  const input = await openInputFile(folder)
  const address: Address = { url: null, fill: false }
  const senders = Array.from({ length: SENDERS }, (_, at) =>
    startSender({ name: `s${at}`, seed: options.seed + at, address, input }),
  )
  senders.push(startFiller({ address, input }))
  const notReached: string[] = []
  try {
    for (const [at, kill] of options.kills.entries()) {
      const reached = await killOnce(folder, address, kill)
      if (!reached) notReached.push(String(kill))
      say(`${at + 1}/${options.kills.length} ${kill}${reached ? '' : ' (never reached)'}`)
    }
    const sent = await finishAndCheck(folder, address, senders, [input.path])
    await folder.close()
    return { kills: options.kills.length - notReached.length, notReached, sent }
  } catch (error) {
    throw new Error(`crash run failed; its folder is kept: ${folder.path}`, { cause: error })
  }
}

/** The kills of one run: every step once, then random ones until there are enough. */
export function planKills(seed: number, steps: readonly string[], count: number): readonly Kill[] {
  const random = openRandom(seed)
  // Recovery comes before the first used segment: a torn tail is only known in a fresh one.
  const usual = steps.filter((step) => !AT_RECOVERY.test(step) && !AT_SEGMENT_END.test(step))
  const kills: Kill[] = [
    ...usual,
    ...steps.filter((step) => AT_RECOVERY.test(step)),
    ...steps.filter((step) => AT_SEGMENT_END.test(step)),
  ]
  const recurring = usual.filter((step) => !ONCE_A_START.test(step))
  while (kills.length < count) {
    kills.push(
      random.chance(0.5)
        ? 50 + random.below(2_000)
        : `${random.pick(recurring)}:${1 + random.below(4)}`,
    )
  }
  return kills
}

type Folder = Awaited<ReturnType<typeof openFolder>>

async function killOnce(folder: Folder, address: Address, kill: Kill): Promise<boolean> {
  const environment = typeof kill === 'string' ? { CAMPAIGN_METRICS_KILL_AT: kill } : {}
  if (AT_RECOVERY.test(String(kill))) await tearTail(folder.logPath)
  if (AT_REMOVAL.test(String(kill))) await collectSegments(folder, address)
  try {
    const product = await startProduct(folder, { environment })
    address.url = product.url
    address.fill = AT_SEGMENT_END.test(String(kill))
    const limitMs = typeof kill === 'number' ? kill : STEP_LIMIT_MS
    const exit = await Promise.race([product.exited, sleep(limitMs, null, { ref: false })])
    if (exit === null) await product.kill()
    else expectKilled(exit, kill, product.output())
    return typeof kill === 'number' || exit !== null
  } catch (error) {
    // The step may be one of the start itself.
    if (!(error instanceof StartRefused)) throw error
    expectKilled(error.run.exit, kill, error.message)
    return true
  } finally {
    address.url = null
    address.fill = false
  }
}

/** Several segments that the next start, with its short log, finds no use for. */
async function collectSegments(folder: Folder, address: Address): Promise<void> {
  await folder.configure(LONG_LOG)
  const product = await startProduct(folder)
  address.url = product.url
  address.fill = true
  const deadline = AbortSignal.timeout(STEP_LIMIT_MS)
  const segments = async (): Promise<number> =>
    (await readdir(folder.logPath)).filter((name) => name.endsWith('.segment')).length
  while ((await segments()) < SEGMENTS && !deadline.aborted) await sleep(50)
  await product.kill()
  address.url = null
  await folder.configure(SHORT_LOG)
}

function expectKilled(exit: Exit, kill: Kill, output: string): void {
  const message = `it should have died of SIGKILL at ${kill}, and not by itself:\n${output}`
  assert.deepEqual(exit, { code: null, signal: 'SIGKILL' }, message)
}

async function finishAndCheck(
  folder: Folder,
  address: Address,
  senders: readonly Sender[],
  inputs: readonly string[],
): Promise<Sent> {
  const product = await startProduct(folder)
  address.url = product.url
  try {
    const all = await Promise.all(senders.map((sender) => sender.finish()))
    const sent = {
      requests: sumOf(all, 'requests'),
      events: sumOf(all, 'events'),
      rejected: sumOf(all, 'rejected'),
      repeated: sumOf(all, 'repeated'),
    }
    const ledger = await waitUntilSettled(product.url)
    const { received, stored, duplicates, rejected, waiting } = ledger
    assert.equal(received, stored + duplicates + rejected + waiting, JSON.stringify(ledger))
    assert.ok(received >= sent.events, `${received} received, but ${sent.events} were answered`)
    assert.ok(rejected >= sent.rejected, `${rejected} kept of ${sent.rejected} rejected`)
    const beside = await runCommand(folder, ['verify'])
    assert.equal(beside.exit.code, 0, beside.stdout + beside.stderr)
    if (skipReaders === false) {
      const summary = await checkTables(folder, inputs)
      assert.equal(stored, summary.rawRows)
    }
    assert.equal((await readStatus(product.url)).ledger.waiting, 0)
    return sent
  } finally {
    await product.stop()
    address.url = null
  }
}

function sumOf(all: readonly Sent[], field: keyof Sent): number {
  return all.reduce((sum, sent) => sum + sent[field], 0)
}
