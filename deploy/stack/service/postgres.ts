/**
 * PostgreSQL, from Debian. It refuses root, so that root runs it as an unprivileged user who owns
 * its volume. An empty volume is filled as the image's entrypoint does it: initdb, then the mounted
 * init.sql on a server nobody can reach.
 */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { NativeService, Placed } from '../native-service.ts'
import { runAs } from '../recorded-process.ts'
import { runTool } from '../tools.ts'

const DATA = '/var/lib/postgresql/data'
const INIT = '/docker-entrypoint-initdb.d/init.sql'
const IS_ROOT = process.getuid?.() === 0
/** Who owns the volume where root starts the stack. */
const USER = IS_ROOT ? 'nobody' : undefined

export const postgres: NativeService = {
  startLimitMs: 60_000,
  install: ({ POSTGRES_VERSION = '' }) => {
    if (!existsSync(programOf(POSTGRES_VERSION, 'initdb'))) install(majorOf(POSTGRES_VERSION))
  },
  prepare: (placed) => {
    if (readdirSync(placed.path(DATA)).length === 0) initialise(placed)
  },
  command: (placed) => {
    const [host, port] = placed.address('postgres').split(':')
    return {
      argv: [
        program(placed, 'postgres'),
        ...['-D', placed.path(DATA), '-p', `${port}`],
        ...['-c', `listen_addresses=${host}`, '-c', 'unix_socket_directories='],
        ...placed.service.command.slice(1),
      ],
      ...(USER === undefined ? {} : { user: USER }),
    }
  },
  isHealthy: async (placed) => {
    const [host = '', port = ''] = placed.address('postgres').split(':')
    runTool(program(placed, 'pg_isready'), ['--host', host, '--port', port, '--timeout', '2'])
    return true
  },
}

/** The volume appears only when it is complete, so that an interrupted attempt is made anew. */
function initialise(placed: Placed): void {
  const { environment } = placed.service
  const volume = placed.path(DATA)
  const attempt = join(placed.folder, 'attempt')
  const password = join(placed.folder, 'password')
  // The path of a socket has at most 107 bytes, and the stack's folder may have more.
  const sockets = mkdtempSync('/tmp/campaign-metrics-')
  rmSync(attempt, { recursive: true, force: true })
  mkdirSync(attempt, { mode: 0o700 })
  if (USER !== undefined) runTool('chown', [USER, attempt, sockets])
  writeFileSync(password, environment.POSTGRES_PASSWORD ?? '', { mode: 0o600 })
  try {
    const user = environment.POSTGRES_USER ?? ''
    runAsOwner(placed, 'initdb', [
      ...['-D', attempt, `--username=${user}`, `--pwfile=${password}`, '--no-sync'],
      ...['--auth-local=trust', '--auth-host=scram-sha-256'],
      ...(environment.POSTGRES_INITDB_ARGS ?? '').split(' '),
    ])
    const socket = `-c listen_addresses= -c unix_socket_directories=${sockets}`
    runAsOwner(placed, 'pg_ctl', [
      '-D',
      attempt,
      '-w',
      '-o',
      socket,
      '-l',
      `${attempt}/init.log`,
      'start',
    ])
    try {
      const words = ['--no-psqlrc', '--set=ON_ERROR_STOP=1', `--host=${sockets}`]
      const script = [`--username=${user}`, '--dbname=postgres', '--file', placed.path(INIT)]
      runAsOwner(placed, 'psql', [...words, ...script])
    } finally {
      runAsOwner(placed, 'pg_ctl', ['-D', attempt, '-w', '-m', 'fast', 'stop'])
    }
  } finally {
    rmSync(password)
    rmSync(sockets, { recursive: true, force: true })
  }
  rmSync(volume, { recursive: true })
  renameSync(attempt, volume)
}

function runAsOwner(placed: Placed, name: string, args: readonly string[]): void {
  const [command = '', ...words] = [...runAs(USER, false), program(placed, name), ...args]
  runTool(command, words, { folder: placed.folder, environment: placed.service.environment })
}

function program({ values }: Placed, name: string): string {
  return programOf(values.POSTGRES_VERSION ?? '', name)
}

/** Debian keeps to a major version, and gives it the newest minor one. */
function programOf(version: string, name: string): string {
  return `/usr/lib/postgresql/${majorOf(version)}/bin/${name}`
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? ''
}

function install(major: string): void {
  const advice = `install PostgreSQL ${major} (Debian: apt-get install postgresql-${major})`
  if (!IS_ROOT) throw new Error(`only root may run apt-get: ${advice}`)
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  const options = ['--quiet', '-o', 'DPkg::Lock::Timeout=300']
  runTool('apt-get', [...options, 'update'], { environment })
  // Debian would start a server of its own with the package; the stack has its own folder and port.
  const words = ['install', '--yes', '--no-install-recommends', `postgresql-${major}`]
  runTool('apt-get', [...options, ...words], { environment })
}
