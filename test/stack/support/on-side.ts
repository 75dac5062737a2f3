/** A side for one test: opened on the shared services, and closed after it. */
import type { Stack } from '../../../deploy/stack/stack.ts'
import {
  type DistributedSide,
  FLINK_SIDE_SERVICES,
  KAFKA_SIDE_SERVICES,
  openFlinkSide,
  openKafkaSide,
} from './distributed-side.ts'
import { openSharedStack } from './shared-stack.ts'

type Fields = Readonly<Record<string, unknown>>
type Use = (stack: Stack, side: DistributedSide) => Promise<void>

export async function onKafkaSide(purpose: string, use: Use, more: Fields = {}): Promise<void> {
  const stack = await openSharedStack(KAFKA_SIDE_SERVICES)
  await useAndClose(stack, await openKafkaSide(stack, purpose, more), use)
}

export async function onFlinkSide(purpose: string, use: Use, more: Fields = {}): Promise<void> {
  const stack = await openSharedStack(FLINK_SIDE_SERVICES)
  await useAndClose(stack, await openFlinkSide(stack, purpose, more), use)
}

async function useAndClose(stack: Stack, side: DistributedSide, use: Use): Promise<void> {
  try {
    await use(stack, side)
  } finally {
    await side.close()
  }
}
