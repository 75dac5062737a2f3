/** The Python that installs what comes from PyPI, and runs Superset. */

import { spawnSync } from 'node:child_process'

/** Superset runs on these. */
const CHECK =
  'import sys, venv, ensurepip, pip; sys.exit(0 if (3, 10) <= sys.version_info[:2] <= ' +
  '(3, 12) else 3)'

export function findPython(): string {
  const found = ['python3.11', 'python3', 'python3.12', 'python3.10'].find(
    (name) => spawnSync(name, ['-c', CHECK]).status === 0,
  )
  if (found !== undefined) return found
  throw new Error(
    'there is no Python 3.10 to 3.12 with pip and venv on the PATH (Debian: apt-get install ' +
      'python3-venv python3-pip)',
  )
}
