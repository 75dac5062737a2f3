/**
 * Installs the independent readers of the interop tests (test/interop/requirements.txt) into
 * .tools/python, a folder that git ignores. Does nothing when they are there. Two runs at once are
 * safe: the second waits for the first on a lock that a killed process releases. When it cannot
 * install (no Python, no network) it says why and exits 0, and the interop tests are skipped with
 * that reason; in CI (`CI=true`) it exits 1.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import {
  FAILURE,
  interpreter,
  isInstalled,
  REQUIREMENTS,
  requirementsHash,
  STAMP,
  TOOLS,
  VENV,
} from '../test/interop/python.ts'
import { underLock } from './under-lock.ts'

const INSTALL_TIMEOUT_MS = 8 * 60_000
/** The last lines of a failed command's output that are shown. */
const OUTPUT_LINES = 12
/** What the pinned versions need. */
const PYTHON_CHECK =
  'import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 3)'

if (!isInstalled()) {
  mkdirSync(TOOLS, { recursive: true })
  const failure = underLock(`${TOOLS}python.lock`, () => (isInstalled() ? null : install()))
  if (failure !== null) report(failure)
}

/** Makes the venv anew; null when it is complete, else the reason why it is not. */
function install(): string | null {
  const python = ['python3', 'python'].find(
    (name) => spawnSync(name, ['-c', PYTHON_CHECK]).status === 0,
  )
  if (python === undefined) {
    return (
      'no Python 3.10 or newer with its venv module on the PATH (Debian: apt-get install ' +
      'python3-venv)'
    )
  }
  console.log(
    'Installing the Python readers of the interop tests into .tools/python (once, ~450 MB)…',
  )
  rmSync(VENV, { recursive: true, force: true })
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check']
  const failure =
    run(python, ['-m', 'venv', VENV]) ??
    run(interpreter(), [...pip, '--requirement', REQUIREMENTS]) ??
    run(interpreter(), ['-c', 'import duckdb, pyarrow, pyiceberg.catalog.sql'])
  if (failure !== null) return failure
  writeFileSync(STAMP, requirementsHash())
  rmSync(FAILURE, { force: true })
  return null
}

/** Runs one command; null when it succeeded, else what it printed. */
function run(command: string, args: readonly string[]): string | null {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS })
  if (done.status === 0) return null
  const output = `${done.stdout ?? ''}\n${done.stderr ?? ''}`
    .trim()
    .split('\n')
    .slice(-OUTPUT_LINES)
  const why = done.error?.message ?? `exit ${done.status ?? done.signal}`
  return `\`${args.slice(0, 3).join(' ')}\` failed (${why}): ${output.join('\n')}`
}

function report(failure: string): void {
  writeFileSync(FAILURE, failure)
  const isCi = process.env.CI === 'true'
  console.error(`
!! The Python readers could not be installed: ${failure}
!! ${
    isCi
      ? 'In CI this is a failure.'
      : 'The tests that hold the tables against PyIceberg and DuckDB are SKIPPED.'
  }
`)
  if (isCi) process.exitCode = 1
}
