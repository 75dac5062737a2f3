/**
 * The programs of the services, under .tools/stack, a folder that git ignores: installed once for
 * each version, by the ordinary clients of Maven, PyPI, Go and Debian. A part stands in a folder
 * named by its fingerprint, and is moved there only when it is complete; two runs at once are safe,
 * the second waits for the first.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { underLock } from '../../scripts/under-lock.ts'

export const TOOLS: string = join(import.meta.dirname, '../../.tools/stack')

const INSTALL_TIMEOUT_MS = 20 * 60_000
const FINGERPRINT_DIGITS = 12
/** The last lines of a failed command's output that are shown. */
const OUTPUT_LINES = 20

/**
 * The folder of one part, made by `install` unless it exists.
 * @param fingerprint whatever the part is made from: its versions, the text of its pom
 * @param install fills an empty folder, which becomes the part's. With `isInPlace` it is the part's
 *   own from the start, for programs that remember where they were installed
 */
export function installPart(
  name: string,
  fingerprint: readonly string[],
  install: (folder: string) => void,
  { isInPlace = false }: Readonly<{ isInPlace?: boolean }> = {},
): string {
  // Where it remembers its place, a clone that was moved installs anew.
  const parts = isInPlace ? [...fingerprint, TOOLS] : fingerprint
  const digest = createHash('sha256').update(parts.join('\0')).digest('hex')
  const folder = join(TOOLS, `${name}-${digest.slice(0, FINGERPRINT_DIGITS)}`)
  const stamp = `${folder}.complete`
  if (existsSync(stamp)) return folder
  mkdirSync(TOOLS, { recursive: true })
  return underLock(join(TOOLS, `${name}.lock`), () => {
    if (existsSync(stamp)) return folder
    console.log(`Installing ${name} into .tools/stack (once for each version)…`)
    const place = isInPlace ? folder : join(TOOLS, `${name}.partial`)
    for (const old of [folder, place]) rmSync(old, { recursive: true, force: true })
    mkdirSync(place)
    install(place)
    if (!isInPlace) renameSync(place, folder)
    mkdirSync(stamp)
    return folder
  })
}

/** Runs a command of an installation; what it says is the error's message when it fails. */
export function runTool(
  command: string,
  args: readonly string[],
  options: Readonly<{ folder?: string; environment?: Readonly<Record<string, string>> }> = {},
): string {
  const done = spawnSync(command, args, {
    cwd: options.folder,
    encoding: 'utf8',
    env: { ...process.env, ...options.environment },
    timeout: INSTALL_TIMEOUT_MS,
    maxBuffer: 2 ** 26,
  })
  if (done.status === 0) return done.stdout
  const why = done.error?.message ?? `exit ${done.status ?? done.signal}`
  const lines = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n')
  const output = lines.slice(-OUTPUT_LINES).join('\n')
  throw new Error(`\`${[command, ...args].join(' ')}\` failed (${why}):\n${output}`)
}
