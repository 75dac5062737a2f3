/**
 * The crash run: senders keep sending while the product is killed with SIGKILL again and again, at
 * named steps (it kills itself there, see `CAMPAIGN_METRICS_KILL_AT`) or at random moments. At the
 * end everything answered must be in the tables exactly once, and nothing else.
 *
 *   start(kill at step) ── dies ── start(kill at step) ── dies ── … ── start ── check
 *   sender 1..n  ───────────────── retries ─────────────────────────────── finish
 *
 * Around the random kills the wall clock is set ahead or back, before a start or while it runs,
 * `retention.events` is set and taken back, and some runs end by SIGTERM.
 */
import assert from 'node:assert/strict'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readStatus, waitUntilSettled } from '../support/client.ts'
import { openTestClock, type TestClock } from '../support/clock.ts'
import { openFolder } from '../support/folder.ts'
import { type Exit, runCommand, StartRefused, startProduct } from '../support/product.ts'
import { openRandom, type Random } from '../support/random.ts'
import { checkTables, openInputFile, skipReaders } from '../support/readers.ts'
import {
  type Address,
  PAGE_SETTINGS,
  type Sender,
  type Sent,
  startAddressSender,
  startCurrentSender,
  startFiller,
  startSender,
} from './sender.ts'

/**
 * A step as `name` or `name:n` for its n-th occurrence, or a number of milliseconds after the
 * start.
 */
export type Kill = string | number

export type KillReport = Readonly<{
  kills: number
  /** Orderly ends among them, not counted as kills. */
  stops: number
  /** How often the wall clock was set. */
  clockSteps: number
  /** Steps that the product never came to within the limit: nothing was shown about them. */
  notReached: readonly string[]
  sent: Sent
}>

const SENDERS = 3
const STEP_LIMIT_MS = 60_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/**
 * How far the wall clock is set ahead. None lies near an edge at which events of one request would
 * be judged differently: those of a sender are dated within two days of each other (see sender.ts).
 */
const OFFSETS_MS = [
  -30 * DAY_MS,
  -6 * HOUR_MS,
  -2 * MINUTE_MS,
  2 * MINUTE_MS,
  90 * MINUTE_MS,
  8 * HOUR_MS,
  3 * DAY_MS,
  60 * DAY_MS,
  100 * DAY_MS,
]
const MILD_OFFSETS_MS = OFFSETS_MS.filter((offsetMs) => offsetMs > 0 && offsetMs < 90 * DAY_MS)
const RETENTIONS = ['0', '90d']
/** Bytes of a record that was never finished. */
const NOISE_BYTES = 200
const ZEROS = Buffer.alloc(64 * 1024)
const STOPPED_AFTER_MS = 1_500
/**
 * Segments are free soon after the tables hold their events, so that the run sees them used again.
 */
const SHORT_LOG = { ...PAGE_SETTINGS, logRetention: { time: '0', size: '256MiB' } }
const LONG_LOG = { ...PAGE_SETTINGS, logRetention: { time: '1h', size: '2GiB' } }
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
  const clock = openTestClock(folder.path)
  const random = openRandom(options.seed)
  const input = await openInputFile(folder)
  const address: Address = { url: null, fill: false }
  const senders = Array.from({ length: SENDERS }, (_, at) =>
    startSender({ name: `s${at}`, seed: options.seed + at, address, input }),
  )
  senders.push(startFiller({ address, input }))
  senders.push(startCurrentSender({ seed: options.seed + SENDERS, address, input }))
  senders.push(startAddressSender({ seed: options.seed + SENDERS + 1, address, input }))
  const notReached: string[] = []
  const place: Place = { folder, address, clock }
  let stops = 0
  let clockSteps = 0
  try {
    for (const [at, kill] of options.kills.entries()) {
      const isMixed = !isNamedStep(kill)
      if (isMixed && random.chance(0.3)) {
        const retention = { events: random.pick(RETENTIONS) }
        await folder.configure({ ...SHORT_LOG, ...options.config, retention })
      }
      if (isMixed && random.chance(0.3)) {
        await stopOnce(place, random)
        stops += 1
      }
      const steps = isMixed ? planSteps(random) : NO_STEPS
      clockSteps += steps.count
      const reached = await killOnce(place, kill, steps)
      if (!reached) notReached.push(String(kill))
      say(`${at + 1}/${options.kills.length} ${kill}${reached ? '' : ' (never reached)'}`)
    }
    const sent = await finishAndCheck(place, senders, [input.path])
    clock.close()
    await folder.close()
    return { kills: options.kills.length - notReached.length, stops, clockSteps, notReached, sent }
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
type Place = Readonly<{ folder: Folder; address: Address; clock: TestClock }>

/**
 * What the wall clock does in one run: where it stands at the start, and where it is set some time
 * later.
 */
type ClockSteps = Readonly<{
  count: number
  atStartMs: number
  later: Readonly<{ afterMs: number; aheadMs: number }> | null
}>

const NO_STEPS: ClockSteps = { count: 0, atStartMs: 0, later: null }

/**
 * Wrong at the start and right later, or right at the start and ahead later; half of the runs see
 * no step. A run that waits for a step of the product must have events taken in the end, so the
 * last time is one that no retention minds.
 */
function planSteps(random: Random): ClockSteps {
  const afterMs = 500 + random.below(2_000)
  switch (random.below(4)) {
    case 0:
      return { count: 2, atStartMs: random.pick(OFFSETS_MS), later: { afterMs, aheadMs: 0 } }
    case 1:
      return { count: 1, atStartMs: 0, later: { afterMs, aheadMs: random.pick(MILD_OFFSETS_MS) } }
    default:
      return NO_STEPS
  }
}

/** Each step once, without the number of an occurrence: the first part of a plan. */
function isNamedStep(kill: Kill): boolean {
  return typeof kill === 'string' && !kill.includes(':')
}

async function killOnce(place: Place, kill: Kill, steps: ClockSteps): Promise<boolean> {
  const { folder, address, clock } = place
  const environment = {
    ...clock.environment,
    ...(typeof kill === 'string' ? { CAMPAIGN_METRICS_KILL_AT: kill } : {}),
  }
  if (AT_RECOVERY.test(String(kill))) await tearTail(folder.logPath)
  if (AT_REMOVAL.test(String(kill))) await collectSegments(place)
  clock.setAhead(steps.atStartMs)
  let setLater: NodeJS.Timeout | undefined
  try {
    const product = await startProduct(folder, { environment })
    address.url = product.url
    address.fill = AT_SEGMENT_END.test(String(kill))
    const { later } = steps
    if (later !== null) setLater = setTimeout(() => clock.setAhead(later.aheadMs), later.afterMs)
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
    clearTimeout(setLater)
    address.url = null
    address.fill = false
  }
}

/** A run that ends in order. */
async function stopOnce({ folder, address, clock }: Place, random: Random): Promise<void> {
  clock.setAhead(random.chance(0.5) ? 0 : random.pick(OFFSETS_MS))
  const product = await startProduct(folder, { environment: clock.environment })
  address.url = product.url
  await sleep(random.below(STOPPED_AFTER_MS))
  const exit = await product.stop()
  address.url = null
  assert.deepEqual(exit, { code: 0, signal: null }, product.output())
}

/** Several segments that the next start, with its short log, finds no use for. */
async function collectSegments({ folder, address, clock }: Place): Promise<void> {
  await folder.configure(LONG_LOG)
  const product = await startProduct(folder, { environment: clock.environment })
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
  { folder, address, clock }: Place,
  senders: readonly Sender[],
  inputs: readonly string[],
): Promise<Sent> {
  clock.setAhead(0)
  const product = await startProduct(folder, { environment: clock.environment })
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

/**
 * Leaves a log as a crash in the middle of a write may: with noise behind the last whole record.
 * Works on fresh segments, which are zero behind their last record.
 */
async function tearTail(logPath: string): Promise<void> {
  let last: { path: string; end: number } | null = null
  const names = (await readdir(logPath)).filter((name) => name.endsWith('.segment')).sort()
  for (const name of names) {
    const path = join(logPath, name)
    const end = endOfContent(await readFile(path))
    if (end > 0) last = { path, end }
  }
  if (last === null) throw new Error(`no segment of ${logPath} holds anything`)
  const file = await open(last.path, 'r+')
  await file.write(Buffer.alloc(NOISE_BYTES, 0xa5), 0, NOISE_BYTES, last.end)
  await file.close()
}

/** Behind the last byte that is not zero. */
function endOfContent(content: Buffer): number {
  let end = content.length
  while (end > 0) {
    const block = content.subarray(Math.max(0, end - ZEROS.length), end)
    if (!block.equals(ZEROS.subarray(0, block.length))) break
    end -= block.length
  }
  while (end > 0 && content[end - 1] === 0) end -= 1
  return end
}
