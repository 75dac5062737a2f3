/**
 * The Python interpreter with the independent readers (PyIceberg, DuckDB), for the tests that hold
 * our tables against code that is not ours. `npm test` installs it before the tests
 * (scripts/python-readers.ts); where that was not possible the tests that need it are skipped with
 * the reason, and in CI they fail instead.
 */

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
export const REQUIREMENTS: string = fileURLToPath(new URL('test/interop/requirements.txt', ROOT))
export const TOOLS: string = fileURLToPath(new URL('.tools/', ROOT))
export const VENV: string = fileURLToPath(new URL('.tools/python/', ROOT))
/**
 * Written last, so that a venv with it is complete; holds the hash of the requirements it was made
 * from.
 */
export const STAMP: string = fileURLToPath(new URL('.tools/python/.complete', ROOT))
/** Why the last attempt failed, in words; absent after a success. */
export const FAILURE: string = fileURLToPath(new URL('.tools/python-failure.txt', ROOT))

/**
 * Either an interpreter (`skip` is false) or the reason why there is none: `test(name, { skip },
 * …)` takes it as it is.
 */
export type PythonReaders =
  | Readonly<{ python: string; skip: false }>
  | Readonly<{ python: null; skip: string }>

/**
 * The interpreter with the readers, or why there is none; throws in CI (`CI=true`), where they must
 * be there.
 */
export function pythonReaders(): PythonReaders {
  if (isInstalled()) return { python: interpreter(), skip: false }
  const failure = existsSync(FAILURE) ? readFileSync(FAILURE, 'utf8').trim() : 'not installed yet'
  const command = '`npm run python-readers`'
  const reason = `the Python readers are missing (${failure}); ${command} installs them`
  if (process.env.CI === 'true') throw new Error(`${reason}; in CI the interop tests must run`)
  return { python: null, skip: reason }
}

/** Whether the venv is complete and made from today's requirements. */
export function isInstalled(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === requirementsHash()
}

export function requirementsHash(): string {
  return createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex')
}

export function interpreter(): string {
  return `${VENV}${process.platform === 'win32' ? 'Scripts\\python.exe' : 'bin/python'}`
}
