/**
 * What every build needs: to know whether its result is that of the present sources and tools, and
 * to put results in place.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Lies beside the results. */
export const FINGERPRINT = 'fingerprint'
const ROOT = fileURLToPath(new URL('../', import.meta.url))

/**
 * A hash over everything that a result depends on: the script that builds it (`import.meta.url`),
 * the versions of its tools, and its sources, whose paths begin at the root of the project.
 */
export async function fingerprintOf(
  script: string,
  tools: readonly string[],
  sources: readonly string[],
): Promise<string> {
  const hash = createHash('sha256').update(await readFile(fileURLToPath(script)))
  for (const name of tools) hash.update(`\0${name} ${installedVersion(name)}`)
  for (const path of [...sources].sort()) {
    hash.update(`\0${path}\0`).update(await readFile(join(ROOT, path)))
  }
  return hash.digest('hex')
}

/** Whether a folder holds the results that `fingerprint` stands for. */
export async function isBuilt(
  folder: string,
  fingerprint: string,
  results: readonly string[],
): Promise<boolean> {
  try {
    const names = await readdir(folder)
    if (!results.every((name) => names.includes(name))) return false
    return (await readFile(join(folder, FINGERPRINT), 'utf8')) === fingerprint
  } catch {
    return false
  }
}

/** `none` where it is not installed: who builds says so. */
function installedVersion(name: string): string {
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
