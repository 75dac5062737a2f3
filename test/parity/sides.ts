/** The three sides by name, on the services that they need. */
import {
  FLINK_SIDE_SERVICES,
  flinkFields,
  KAFKA_SIDE_SERVICES,
  openFlinkSide,
  openKafkaSide,
} from '../stack/support/distributed-side.ts'
import { openSharedStack } from '../stack/support/shared-stack.ts'
import { openEmbeddedSide, type Side } from './side.ts'

export const SIDE_NAMES = ['embedded', 'kafka', 'flink'] as const
export type SideName = (typeof SIDE_NAMES)[number]

/** `parallelism`: of Flink's job. */
export async function openSide(name: SideName, parallelism = 1): Promise<Side> {
  switch (name) {
    case 'embedded':
      return await openEmbeddedSide()
    case 'kafka':
      return await openKafkaSide(await openSharedStack(KAFKA_SIDE_SERVICES), 'parity')
    case 'flink': {
      const stack = await openSharedStack(FLINK_SIDE_SERVICES)
      const flink = { ...flinkFields(stack), parallelism }
      return await openFlinkSide(stack, 'parity', { flink })
    }
  }
}

export function isSideName(name: string): name is SideName {
  return SIDE_NAMES.some((known) => known === name)
}
