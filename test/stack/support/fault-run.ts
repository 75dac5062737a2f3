/**
 * One fault under traffic, and the claims that must hold after each of them: what was accepted
 * stands in the tables exactly once, the metrics are its GROUP BY, `verify` agrees, the ledger
 * closes, no data file is referenced twice.
 *
 *   setup ─ start ─ traffic ── fault ── traffic ─ finish ─ both tables equal the model
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkUntilRight } from '../../parity/check-side.ts'
import { openModel } from '../../parity/model.ts'
import { expectVerified, setUp } from '../../parity/parity-run.ts'
import type { Side } from '../../parity/side.ts'
import { type Ledger, readStatus } from '../../support/client.ts'
import { startProduct } from '../../support/product.ts'
import {
  type Address,
  type Sent,
  startTraffic,
  type Traffic,
  type TrafficOptions,
} from './traffic.ts'

export type Running = Readonly<{
  traffic: Traffic
  /** SIGKILL for `start`, and a new one in its place. */
  killProduct(): Promise<void>
}>

export type FaultReport = Sent & Readonly<{ rawRows: number; metricsRows: number }>

/** Answered before the fault and after it. */
const EVENTS_BEFORE = 6_000
const EVENTS_AFTER = 6_000

export async function runFault(
  side: Side,
  fault: (running: Running) => Promise<void>,
  options: Partial<Pick<TrafficOptions, 'eventsPerSecond' | 'lateShare' | 'seed'>> = {},
): Promise<FaultReport> {
  await setUp(side)
  const address: Address = { url: null }
  let product = await startProduct(side.folder, { environment: side.environment })
  address.url = product.url
  const model = openModel()
  const traffic = startTraffic({ seed: 1, ...options, address, model })
  const killProduct = async (): Promise<void> => {
    address.url = null
    await product.stop('SIGKILL')
    product = await startProduct(side.folder, { environment: side.environment })
    address.url = product.url
  }
  try {
    await traffic.more(EVENTS_BEFORE)
    await fault({ traffic, killProduct })
    await traffic.more(EVENTS_AFTER)
    const sent = await traffic.finish()
    const { rawRows, metricsRows } = await checkUntilRight(side, model)
    await expectVerified(side)
    const ledger = await waitForLedger(product.url, side.settleLimitMs)
    assert.equal(ledger.stored, model.events.size, JSON.stringify(ledger))
    return { ...sent, rawRows, metricsRows }
  } catch (error) {
    const output = product.output().slice(-OUTPUT_SHOWN)
    throw new Error(`${side.name}: ${String(error)}\nstart printed:\n${output}`, { cause: error })
  } finally {
    address.isGivenUp = true
    await traffic.finish().catch(() => {})
    await product.stop()
  }
}

const LEDGER_POLL_MS = 500
const OUTPUT_SHOWN = 4_000

/** Waits until nothing waits any more, and what was received is what became of it. */
async function waitForLedger(url: string, limitMs: number): Promise<Ledger> {
  const deadline = AbortSignal.timeout(limitMs)
  for (;;) {
    const { ledger } = await readStatus(url)
    const { received, stored, duplicates, rejected, waiting } = ledger
    if (waiting === 0 && received === stored + duplicates + rejected) return ledger
    if (deadline.aborted) throw new Error(`the ledger does not close: ${JSON.stringify(ledger)}`)
    await sleep(LEDGER_POLL_MS)
  }
}
