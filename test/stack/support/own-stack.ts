/**
 * Services that a test starts for itself, with other settings than compose.yaml has: readers of the
 * tables that a process on this machine keeps in a folder.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { type FileEdit, openStack, type Stack } from '../../../deploy/stack/stack.ts'

const FLINK_SERVICES = ['jobmanager', 'taskmanager', 'sql-gateway'] as const

export async function openOwnStack(
  services: readonly string[],
  edits: readonly FileEdit[],
): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'own-stack-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const stack = await openStack({ services, folder, portBase: await findPortBase(), edits })
    const close = async (): Promise<void> => {
      await stack.close()
      await remove()
    }
    return { ...stack, close }
  } catch (error) {
    await remove()
    throw error
  }
}

/** The catalog `lake` of Trino as these properties say. */
export function trinoCatalog(properties: string): FileEdit {
  return { service: 'trino', path: '/etc/trino/catalog/lake.properties', edit: () => properties }
}

/** Flink's three services, with a driver beside what is in their lib folder. */
export function openOwnFlink(driver: string): Promise<Stack> {
  const option = 'env.java.opts.all: >-\n'
  const edits = FLINK_SERVICES.map((service) => ({
    service,
    path: '/opt/flink/conf/config.yaml',
    edit: (text: string) => text.replace(option, `${option}  -Xbootclasspath/a:${driver}\n`),
  }))
  return openOwnStack(FLINK_SERVICES, edits)
}
