/** A small note in a file of its own. */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder, replaceFile, systemCode } from '../../runtime.ts'

/** Null where there is none. */
export async function readNoteFile(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  })
}

export async function writeNoteFile(path: string, note: unknown): Promise<void> {
  makeFolder(dirname(path))
  await replaceFile(path, `${JSON.stringify(note)}\n`)
}
