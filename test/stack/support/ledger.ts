/** The ledger that `status` shows: nothing waits any more, and received is what became of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ledger, readStatus } from '../../support/client.ts'

const POLL_MS = 500

export async function waitForLedger(url: string, limitMs: number): Promise<Ledger> {
  const deadline = AbortSignal.timeout(limitMs)
  for (;;) {
    const { ledger } = await readStatus(url)
    const { received, stored, duplicates, rejected, waiting } = ledger
    if (waiting === 0 && received === stored + duplicates + rejected) return ledger
    if (deadline.aborted) throw new Error(`the ledger does not close: ${JSON.stringify(ledger)}`)
    await sleep(POLL_MS)
  }
}
