/**
 * The services that the tests on real services share, one file after the other: whoever needs a
 * service starts it unless it runs, and leaves it for the next; scripts/test.ts stops them all
 * after the last file. Tests stay apart by names of their own (topic, bucket, database), not by
 * services of their own.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { describeStack, type FileEdit, inOrder, type Stack } from '../../../deploy/stack/stack.ts'
import { TOOLS } from '../../../deploy/stack/tools.ts'

/**
 * Another name is another stack beside this one, and may have ports of its own choice. Who names it
 * also stops it.
 */
const OWN_NAME = process.env.CAMPAIGN_METRICS_STACK
const NAME = OWN_NAME ?? 'tests'
const PORT_BASE = process.env.CAMPAIGN_METRICS_STACK_PORT_BASE
const FOLDER = join(TOOLS, 'run', NAME)
const PORT_FILE = join(FOLDER, 'port-base')

/**
 * The running services; those named are started where they are not. `edits` reach what is
 * started with this stack, and whoever asks for them stops it again.
 */
export async function openSharedStack(
  services: readonly string[],
  edits: readonly FileEdit[] = [],
): Promise<Stack> {
  const stack = describeStack({
    services,
    edits,
    folder: FOLDER,
    portBase: await portBase(),
    isDetached: true,
  })
  for (const service of inOrder(services)) await stack.start(service)
  return stack
}

/** Stops what runs of it and forgets its data; nothing where no test has opened it. */
export async function closeSharedStack(): Promise<void> {
  if (OWN_NAME !== undefined || !existsSync(PORT_FILE)) return
  await describeStack({ services: [], folder: FOLDER, portBase: await portBase() }).close()
  rmSync(FOLDER, { recursive: true, force: true })
}

/** The same as long as the folder stands: files and data of the services have it in them. */
async function portBase(): Promise<number> {
  if (existsSync(PORT_FILE)) return Number(readFileSync(PORT_FILE, 'utf8'))
  const chosen = PORT_BASE === undefined ? await findPortBase() : Number(PORT_BASE)
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(PORT_FILE, `${chosen}`)
  return chosen
}
