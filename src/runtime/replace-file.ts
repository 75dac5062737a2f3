/** Small files that are replaced as a whole: a crash leaves the old one or the new one. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Resolves once the file is on the disk, and its name too. Its folder must be there. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncFolder(dirname(path))
}

/** Makes created, renamed and removed names durable. */
export async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
