/** A small note in a file of its own: synced, then put in place in one step. */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder, systemCode } from '../../runtime.ts'

/** Null where there is none. */
export async function readNoteFile(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  })
}

export async function writeNoteFile(path: string, note: unknown): Promise<void> {
  makeFolder(dirname(path))
  const next = `${path}.next`
  const file = await open(next, 'w')
  try {
    await file.writeFile(`${JSON.stringify(note)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
