/**
 * Finds the browser of the browser tests, or installs Debian's where it may (root, apt-get):
 * Chromium, or Firefox with `CAMPAIGN_METRICS_BROWSER=firefox`. Does nothing when one was seen to
 * start before. Two runs at once are safe: the second waits for the first on a lock that a killed
 * process releases. When there is none to be had it says why and exits 0, and the browser tests are
 * skipped with that reason; in CI (`CI=true`), or when the environment names one that does not
 * start, it exits 1.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BROWSER, IS_FIREFOX } from '../test/browser/support/browser.ts'
import { FLAGS, IS_ROOT } from '../test/browser/support/chromium.ts'
import {
  failureFile,
  findBrowser,
  foundFile,
  listCandidates,
  TOOLS,
} from '../test/browser/support/find-browser.ts'
import { underLock } from './under-lock.ts'

const INSTALL_TIMEOUT_MS = 8 * 60_000
const START_TIMEOUT_MS = 60_000
/** The last lines of a failed command's output that are shown. */
const OUTPUT_LINES = 6
/**
 * What the page of the trial start writes by its script, so that it is there only if the engine
 * runs.
 */
const TRIAL_PAGE =
  'data:text/html,<body><script>document.body.textContent = 6 * 7 + " works"</script>'
const TRIAL_TEXT = '42 works'

const { title, variable: VARIABLE, debian: PACKAGE } = BROWSER
const [FOUND, FAILURE] = [foundFile(BROWSER), failureFile(BROWSER)]

if (process.env[VARIABLE] !== undefined || !isSeen()) {
  mkdirSync(TOOLS, { recursive: true })
  const failure = underLock(join(TOOLS, `${title.toLowerCase()}.lock`), provide)
  if (failure !== null) report(failure)
}

function isSeen(): boolean {
  try {
    return findBrowser(BROWSER).skip === false
  } catch {
    return false
  }
}

/**
 * Leaves the path of a browser that starts in .tools/; null when there is one, else the reason why
 * not.
 */
function provide(): string | null {
  const refusals = find()
  if (refusals === null) return null
  if (process.env[VARIABLE] !== undefined) return `${VARIABLE} is set: ${refusals}`
  const failure = install()
  return failure === null ? find() : `${refusals}; ${failure}`
}

/** Tries one after another; null once one has started, else what each printed. */
function find(): string | null {
  const candidates = listCandidates(BROWSER)
  if (candidates.length === 0) return `no ${title} on the PATH, and ${VARIABLE} not set`
  const refusals: string[] = []
  for (const path of candidates) {
    const refusal = tryStart(path)
    if (refusal !== null) {
      refusals.push(refusal)
      continue
    }
    // A path from the environment holds for this run only.
    if (process.env[VARIABLE] === undefined) writeFileSync(FOUND, path)
    rmSync(FAILURE, { force: true })
    return null
  }
  return refusals.join('; ')
}

/**
 * Starts it without a window on a page with a script, of which Chromium prints the result, and
 * Firefox takes a picture; null when that worked, else what it printed.
 */
function tryStart(path: string): string | null {
  const profile = mkdtempSync(join(tmpdir(), 'campaign-metrics-browser-'))
  const picture = join(profile, 'trial.png')
  try {
    const sandbox = IS_ROOT ? ['--no-sandbox'] : []
    const words = IS_FIREFOX
      ? ['--profile', profile, '--screenshot', picture]
      : [...FLAGS, ...sandbox, `--user-data-dir=${profile}`, '--dump-dom']
    const done = spawnSync(path, ['--headless', ...words, TRIAL_PAGE], {
      encoding: 'utf8',
      timeout: START_TIMEOUT_MS,
    })
    const hasEnded = done.status === 0
    const hasWorked = IS_FIREFOX
      ? existsSync(picture)
      : hasEnded && done.stdout.includes(TRIAL_TEXT)
    if (hasEnded && hasWorked) return null
    return `${path} does not start (${sayingOf(done)})`
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Debian's package; null when apt-get succeeded, else the reason why not. */
function install(): string | null {
  const advice =
    `install ${title} (Debian: apt-get install ${PACKAGE}), or set ${VARIABLE} to ` +
    'the path of one'
  if (process.platform !== 'linux') return advice
  if (spawnSync('apt-get', ['--version']).status !== 0) return `there is no apt-get here: ${advice}`
  if (!IS_ROOT) return `only root may run apt-get: ${advice}`
  console.log(`Installing Debian's ${title} for the browser tests (once, ~350 MB)…`)
  const words = ['install', '--yes', '--no-install-recommends', PACKAGE]
  // Lists may be older than the archive; where they cannot be renewed the install says the rest.
  runApt(['update'])
  const failure = runApt(words)
  return failure === null ? null : `${failure}; ${advice}`
}

function runApt(words: readonly string[]): string | null {
  const done = spawnSync('apt-get', ['--quiet', '-o', 'DPkg::Lock::Timeout=300', ...words], {
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return done.status === 0 ? null : `\`apt-get ${words[0]}\` failed (${sayingOf(done)})`
}

function sayingOf(done: ReturnType<typeof spawnSync>): string {
  const why = done.error?.message ?? `exit ${done.status ?? done.signal}`
  const lines = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n')
  return [why, ...lines.filter((line) => line !== '').slice(-OUTPUT_LINES)].join(': ')
}

/** Without a browser its tests are skipped, except in CI or where the environment names one. */
function report(failure: string): void {
  const isNamed = process.env[VARIABLE] !== undefined
  const isFailure = isNamed || process.env.CI === 'true'
  if (!isNamed) writeFileSync(FAILURE, failure)
  const outcome = isNamed
    ? `Unset ${VARIABLE} to have one found or installed.`
    : isFailure
      ? 'In CI this is a failure.'
      : 'The tests of the page in a real browser are SKIPPED.'
  console.error(`\n!! There is no ${title} for the browser tests: ${failure}\n!! ${outcome}\n`)
  if (isFailure) process.exitCode = 1
}
