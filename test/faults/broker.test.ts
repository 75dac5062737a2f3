/** F16: the broker dies in the middle of batches, and comes back with what it had acknowledged. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'

const AWAY_MS = 3_000

test('Kafka with the embedded engine: a killed broker loses nothing that was answered, and nothing comes twice', () =>
  onKafkaSide('broker', async (stack, side) => {
    const report = await runFault(side, () => killBroker(stack))
    assert.ok(report.repeated > 0, 'no request met the fault')
  }))

test('Kafka with Flink: a killed broker loses nothing that was answered, and nothing comes twice', () =>
  onFlinkSide('broker', async (stack, side) => {
    const report = await runFault(side, () => killBroker(stack))
    assert.ok(report.repeated > 0, 'no request met the fault')
  }))

async function killBroker(stack: Stack): Promise<void> {
  await stack.kill('kafka', 'SIGKILL')
  await sleep(AWAY_MS)
  await stack.start('kafka')
}
