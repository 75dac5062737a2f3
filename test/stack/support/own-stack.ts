/**
 * Services that a test starts for itself, with other settings than compose.yaml has: readers of the
 * tables that a process on this machine keeps in a folder.
 */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { type FileEdit, openStack, type Stack } from '../../../deploy/stack/stack.ts'

const FLINK_SERVICES = ['jobmanager', 'taskmanager', 'sql-gateway'] as const

type Changes = Readonly<{
  edits?: readonly FileEdit[]
  /** Before the first start, in the folder of the stack. */
  prepare?: (folder: string) => Promise<void>
}>

async function openOwnStack(
  services: readonly string[],
  { edits = [], prepare }: Changes,
): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'own-stack-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await prepare?.(folder)
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

/** Trino alone, whose catalog `lake` is as these properties say. */
export function openOwnTrino(properties: string): Promise<Stack> {
  const path = '/etc/trino/catalog/lake.properties'
  return openOwnStack(['trino'], { edits: [{ service: 'trino', path, edit: () => properties }] })
}

/** Flink's three services, with these drivers beside what is in their lib folder. */
export function openOwnFlink(drivers: readonly string[]): Promise<Stack> {
  return openOwnStack(FLINK_SERVICES, {
    async prepare(folder) {
      for (const service of FLINK_SERVICES) {
        const lib = join(folder, service, 'lib')
        await mkdir(lib, { recursive: true })
        for (const driver of drivers) await symlink(driver, join(lib, basename(driver)))
      }
    },
  })
}
