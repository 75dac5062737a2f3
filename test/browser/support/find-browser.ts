/**
 * Whether a browser of the tests is there, and where. `npm test` looks for Chromium and `npm run
 * test:firefox` for Firefox, and each installs it where it can (scripts/browser.ts); where that was
 * not possible the browser tests are skipped with the reason, and in CI they fail instead.
 */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const TOOLS: string = fileURLToPath(new URL('../../../.tools/', import.meta.url))

export type BrowserKind = Readonly<{
  /** `Chromium` */
  title: string
  /** The variable that names the path of one, which is then not looked for. */
  variable: string
  /** What it is called on the PATH, the likeliest first. */
  commands: readonly string[]
  /** Debian's package. */
  debian: string
  /** What finds or installs it. */
  provision: string
}>

/**
 * Either a browser (`skip` is false) or the reason why there is none: `test(name, { skip }, …)`
 * takes it as it is.
 */
export type FoundBrowser =
  | Readonly<{ path: string; skip: false }>
  | Readonly<{ path: null; skip: string }>

/** Holds the path of one that was seen to start. */
export function foundFile({ title }: BrowserKind): string {
  return join(TOOLS, `${title.toLowerCase()}.txt`)
}

/** Why the last attempt failed, in words; absent after a success. */
export function failureFile({ title }: BrowserKind): string {
  return join(TOOLS, `${title.toLowerCase()}-failure.txt`)
}

/** The browser to start, or why there is none; throws in CI (`CI=true`), where it must be there. */
export function findBrowser(kind: BrowserKind): FoundBrowser {
  const path = process.env[kind.variable] ?? seenToStart(kind)
  if (path !== undefined) return { path, skip: false }
  const file = failureFile(kind)
  const failure = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'not looked for yet'
  const reason = `there is no ${kind.title} (${failure}); \`${kind.provision}\` finds or installs it`
  if (process.env.CI === 'true') throw new Error(`${reason}; in CI the browser tests must run`)
  return { path: null, skip: reason }
}

function seenToStart(kind: BrowserKind): string | undefined {
  const file = foundFile(kind)
  if (!existsSync(file)) return undefined
  const path = readFileSync(file, 'utf8').trim()
  return existsSync(path) ? path : undefined
}

/** Every file that may be such a browser, the likeliest first. */
export function listCandidates({ variable, commands }: BrowserKind): readonly string[] {
  const said = process.env[variable]
  if (said !== undefined) return [said]
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = commands.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...new Set(paths)].filter((path) => existsSync(path))
}
