/** The keys of a collector that others can reach: made once, and printed when they are. */

import { existsSync } from 'node:fs'
import { type Config, missingKeys, writeKeysFile } from '../config.ts'
import type { SetupPart, SetupWorld } from './set-up.ts'

const SECRET_BYTES = 24

export async function setUpKeys(
  { keys }: Config,
  { mode, newSecret }: SetupWorld,
): Promise<readonly SetupPart[]> {
  const { file } = keys
  if (file === null) return []
  const part = { part: 'keys', name: file } as const
  if (existsSync(file)) {
    const missing = missingKeys(keys)
    return missing === null
      ? [{ ...part, outcome: 'found', remarks: [] }]
      : [{ ...part, outcome: 'unfit', remarks: [missing] }]
  }
  if (mode === 'look') return [{ ...part, outcome: 'missing', remarks: [] }]
  const [write, read] = [newSecret(SECRET_BYTES), newSecret(SECRET_BYTES)]
  writeKeysFile(file, { write: [write], read: [read] })
  const remarks = [`key for sending (write): ${write}`, `key for reading (read): ${read}`]
  return [{ ...part, outcome: 'made', remarks }]
}
