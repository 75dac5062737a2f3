/**
 * Parity: the same events through all three sides give the same rows in both tables, to the last
 * bit, and the same rejected events. As many events as PARITY_EVENTS says; `npm run parity` is the
 * same with a million.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Prepared,
  prepareInput,
  rejectedOtherwise,
  runSide,
  type SideReport,
} from '../parity/parity-run.ts'
import { openSide, SIDE_NAMES } from '../parity/sides.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const EVENTS = Number(process.env.PARITY_EVENTS ?? 100_000)
const SEED = Number(process.env.PARITY_SEED ?? 1)

const folder = makeScratchFolder('parity')
const prepared: Prepared = await prepareInput(
  { seed: SEED, nowMs: Date.now(), events: EVENTS },
  folder,
)
let embedded: SideReport | null = null

test(`seed ${SEED}: the input of ${EVENTS} events has what it is about`, () => {
  const { model } = prepared
  assert.ok(model.duplicates() > EVENTS / 100)
  assert.ok(model.rejected.length > EVENTS / 100)
  assert.ok(model.metrics().size > EVENTS / 100)
  assert.ok(new Set(model.rejected.map(({ blame }) => blame)).size === 10)
})

for (const name of SIDE_NAMES) {
  test(`seed ${SEED}: ${name}: tables and rejections are those of ${EVENTS} events`, async (t) => {
    const side = await openSide(name)
    try {
      const report = await runSide(side, prepared, (text) => t.diagnostic(text))
      embedded ??= report
      assert.deepEqual(rejectedOtherwise(embedded, report), [])
    } finally {
      await side.close()
    }
  })
}
