/** F15: PostgreSQL or S3 is away for half a minute: gone altogether, or hanging without an answer. */
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'

const AWAY_MS = 30_000

test('Kafka with the embedded engine: PostgreSQL is gone for 30 s', () =>
  onKafkaSide('catalog', async (stack, side) => {
    await runFault(side, () => killAndStart(stack, 'postgres'))
  }))

test('Kafka with the embedded engine: S3 hangs for 30 s', () =>
  onKafkaSide('store', async (stack, side) => {
    await runFault(side, () => stopAndContinue(stack, 's3'))
  }))

test('Kafka with Flink: PostgreSQL hangs for 30 s', () =>
  onFlinkSide('catalog', async (stack, side) => {
    await runFault(side, () => stopAndContinue(stack, 'postgres'))
  }))

test('Kafka with Flink: S3 is gone for 30 s', () =>
  onFlinkSide('store', async (stack, side) => {
    await runFault(side, () => killAndStart(stack, 's3'))
  }))

async function killAndStart(stack: Stack, service: string): Promise<void> {
  await stack.kill(service, 'SIGKILL')
  await sleep(AWAY_MS)
  await stack.start(service)
}

async function stopAndContinue(stack: Stack, service: string): Promise<void> {
  await stack.kill(service, 'SIGSTOP')
  try {
    await sleep(AWAY_MS)
  } finally {
    await stack.kill(service, 'SIGCONT')
  }
}
