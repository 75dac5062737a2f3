/**
 * The Chromium of the browser tests: where it is looked for, how it is started, and whether it is
 * there. `npm test` looks for it and installs it where it can (scripts/browser.ts); where that was
 * not possible the browser tests are skipped with the reason, and in CI they fail instead.
 */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'

export const TOOLS: string = fileURLToPath(new URL('../../../.tools/', import.meta.url))
/** Holds the path of a Chromium that was seen to start. */
export const FOUND: string = join(TOOLS, 'chromium.txt')
/** Why the last attempt failed, in words; absent after a success. */
export const FAILURE: string = join(TOOLS, 'chromium-failure.txt')
export const VARIABLE = 'CAMPAIGN_METRICS_CHROMIUM'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** Chromium refuses its sandbox to root; everybody else keeps it. */
export const IS_ROOT: boolean = process.getuid?.() === 0

/**
 * A browser in a test talks to the product only: nothing in the background, no start page, no
 * account.
 */
export const FLAGS: readonly string[] = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

/**
 * Either a Chromium (`skip` is false) or the reason why there is none: `test(name, { skip }, …)`
 * takes it as it is.
 */
export type Chromium =
  | Readonly<{ path: string; skip: false }>
  | Readonly<{ path: null; skip: string }>

/**
 * The Chromium to start, or why there is none; throws in CI (`CI=true`), where it must be there.
 */
export function findChromium(): Chromium {
  const path = process.env[VARIABLE] ?? seenToStart()
  if (path !== undefined) return { path, skip: false }
  const failure = existsSync(FAILURE) ? readFileSync(FAILURE, 'utf8').trim() : 'not looked for yet'
  const reason = `there is no Chromium (${failure}); \`npm run browser\` finds or installs it`
  if (process.env.CI === 'true') throw new Error(`${reason}; in CI the browser tests must run`)
  return { path: null, skip: reason }
}

/** One a test file. */
export async function launchBrowser(): Promise<Browser> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(skip)
  return await chromium.launch({
    executablePath: path,
    chromiumSandbox: !IS_ROOT,
    args: [...FLAGS],
  })
}

function seenToStart(): string | undefined {
  if (!existsSync(FOUND)) return undefined
  const path = readFileSync(FOUND, 'utf8').trim()
  return existsSync(path) ? path : undefined
}

/** Every file that may be a Chromium, the likeliest first. */
export function listCandidates(): readonly string[] {
  const said = process.env[VARIABLE]
  if (said !== undefined) return [said]
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...new Set(paths)].filter((path) => existsSync(path))
}
