/** Superset, from PyPI, in a Python environment of its own with the packages that its image has. */

import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { DEPLOY } from '../compose-file.ts'
import { isOk, type NativeService } from '../native-service.ts'
import { findPython } from '../python.ts'
import { installPart, runTool } from '../tools.ts'

const ENTRYPOINT = '/app/entrypoint.sh'
const LISTS = ['requirements.txt', 'constraints.txt'].map((name) => join(DEPLOY, 'superset', name))

export const superset: NativeService = {
  // The first start makes tables and roles: a minute of CPU time, on a machine that may be busy.
  startLimitMs: 600_000,
  install: () => void programs(),
  command: ({ path, service }) => ({
    argv: ['bash', path(ENTRYPOINT), ...service.command],
    environment: {
      PATH: [programs(), process.env.PATH].join(delimiter),
    },
  }),
  isHealthy: ({ address }) => isOk(address('superset'), '/health'),
}

/** The folder with the environment's programs, which its entrypoint calls by name. */
function programs(): string {
  const [requirements = '', constraints = ''] = LISTS
  const lists = LISTS.map((file) => readFileSync(file, 'utf8'))
  const folder = installPart(
    'superset',
    lists,
    (folder) => {
      runTool(findPython(), ['-m', 'venv', folder])
      const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check']
      const pinned = ['--requirement', requirements, '--constraint', constraints]
      runTool(join(folder, 'bin/python'), [...pip, ...pinned])
    },
    { isInPlace: true },
  )
  return join(folder, 'bin')
}
