/** The note of the newest checkpoint that was seen, in a file of its own: replaced in one step, synced before that. */

import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '../../runtime.ts'
import { FlinkError } from '../error.ts'
import type { SeenCheckpoint } from './recovery.ts'

export type SeenNote = {
  /** null when nothing has been seen yet. */
  read(): Promise<SeenCheckpoint | null>
  write(seen: SeenCheckpoint): Promise<void>
}

export function openSeenFile(path: string): SeenNote {
  return { read: () => readSeen(path), write: (seen) => writeSeen(path, seen) }
}

async function readSeen(path: string): Promise<SeenCheckpoint | null> {
  const text = await readOrNull(path)
  if (text === null) return null
  try {
    const seen: unknown = JSON.parse(text)
    if (isSeen(seen)) return seen
  } catch {
    // Said below.
  }
  const message =
    `${path} is not what this program writes. It notes Flink's newest checkpoint; ` +
    'remove it to go on from the one that the tables tell.'
  throw new FlinkError('no-checkpoint', message, { path })
}

async function writeSeen(path: string, seen: SeenCheckpoint): Promise<void> {
  makeFolder(dirname(path))
  const next = `${path}.next`
  const file = await open(next, 'w')
  try {
    await file.writeFile(`${JSON.stringify(seen)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function isSeen(value: unknown): value is SeenCheckpoint {
  if (typeof value !== 'object' || value === null) return false
  const { jobId, after, checkpointId, path } = value as Record<string, unknown>
  const isAfter = after === null || typeof after === 'string'
  return (
    typeof jobId === 'string' &&
    isAfter &&
    Number.isSafeInteger(checkpointId) &&
    typeof path === 'string'
  )
}
