/**
 * What both builds need: to know the version of a tool they build with, and to put results in
 * place.
 */
import { rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

/** `none` where it is not installed: who builds says so. */
export function installedVersion(name: string): string {
  try {
    const manifest = createRequire(import.meta.url)(`${name}/package.json`) as { version: string }
    return manifest.version
  } catch {
    return 'none'
  }
}

/**
 * Writes beside the target and renames, so that nobody ever reads half a file. `build` is named
 * where it fails.
 */
export async function writeInPlace(
  build: string,
  target: string,
  content: string | Uint8Array,
): Promise<void> {
  const beside = `${target}.${process.pid}`
  try {
    await writeFile(beside, content)
    await rename(beside, target)
  } catch (cause) {
    await rm(beside, { force: true })
    throw new Error(`${build}: cannot write ${target}`, { cause })
  }
}
