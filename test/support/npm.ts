/** npm as a user runs it: without our own tools, and without what an outer npm has set. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'

const LIMIT_MS = 300_000

/** Without our own tools, as on a user's machine. */
export const USER_PATH: string = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

/** Runs npm to its end, and returns what it printed. */
export function npm(words: readonly string[], folder: string): string {
  // What npm passes to the scripts it runs would configure the npm in here.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(?!config_(registry|cache|userconfig|globalconfig))/i.test(name),
    ),
  )
  const run = spawnSync('npm', words, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...env, PATH: USER_PATH },
    timeout: LIMIT_MS,
  })
  assert.equal(run.status, 0, `npm ${words.join(' ')}:\n${run.stdout}${run.stderr}`)
  return run.stdout
}

/** Installs packages, or tarballs, from npm's cache or registry. */
export function npmInstall(packages: readonly string[], folder: string): void {
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], folder)
}
