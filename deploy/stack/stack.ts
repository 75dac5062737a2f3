/**
 * The services of deploy/compose.yaml without containers: the same versions, config files, commands
 * and environment, on this machine. Each stack has a folder and a range of ports of its own, so
 * that several run at once.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openAddressBook } from './address-book.ts'
import { type ComposeService, readComposeFile } from './compose-file.ts'
import { openMounts } from './mounts.ts'
import type { NativeService, Placed } from './native-service.ts'
import {
  awaitEnd,
  endLeftovers,
  endRecorded,
  findRecorded,
  forget,
  isRunning,
  type RecordedProcess,
  signalFamily,
  startRecorded,
} from './recorded-process.ts'
import { jobmanager, sqlGateway, taskmanager } from './service/flink.ts'
import { kafka } from './service/kafka.ts'
import { postgres } from './service/postgres.ts'
import { s3 } from './service/s3.ts'
import { superset } from './service/superset.ts'
import { trino } from './service/trino.ts'

/** In the order of their start: each needs at most those before it. */
const NATIVE_SERVICES: Readonly<Record<string, NativeService>> = {
  kafka,
  s3,
  postgres,
  jobmanager,
  taskmanager,
  'sql-gateway': sqlGateway,
  trino,
  superset,
}
export const SERVICE_NAMES: readonly string[] = Object.keys(NATIVE_SERVICES)

/**
 * What a process gets from the environment of the stack; everything else is in compose.yaml.
 */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ']
const STOP_LIMIT_MS = 30_000
const POLL_MS = 200
const LOG_LINES = 25

/** `taskmanager#2` is a second process of a service. */
const REPLICA = /#\d+$/

export type StackOptions = Readonly<{
  /** What to start; nothing starts on its own besides. A replica is `service#2`, `service#3`, … */
  services: readonly string[]
  /**
   * Where data, logs and rewritten files are. A stack opened again in a folder goes on with its
   * data.
   */
  folder: string
  /** The first of its ports, PORTS_MAX in a row. */
  portBase: number
  /** Leaves the services running when the process that opened them ends. */
  isDetached?: boolean
  /** What is different in files that compose.yaml mounts; made at each start. */
  edits?: readonly FileEdit[]
}>

export type FileEdit = Readonly<{
  service: string
  /** In the container. */
  path: string
  /** From the text with native addresses and paths. */
  edit: (text: string) => string
}>

export type ServiceState = Readonly<{
  service: string
  address: string
  pid: number | null
  isHealthy: boolean
  log: string
}>

export type Stack = Readonly<{
  /** `127.0.0.1:port` of a service of compose.yaml; its first port where none is named. */
  address: (service: string, port?: number) => string
  /** The native path of a path in a service's container: a mounted file or a volume. */
  path: (service: string, containerPath: string) => string
  /** The environment of a service, with native addresses and paths. */
  environment: (service: string) => Readonly<Record<string, string>>
  /** The command of a service, likewise. */
  command: (service: string) => readonly string[]
  /** Versions and passwords by their names in deploy/.env. */
  values: Readonly<Record<string, string>>
  /** Starts a service unless it runs, and waits until it is healthy. */
  start: (service: string) => Promise<void>
  /** Asks a service to end, and waits for it. */
  stop: (service: string) => Promise<void>
  /** Signals a service with all its processes; SIGKILL also waits until they are gone. */
  kill: (service: string, signal: NodeJS.Signals) => Promise<void>
  state: (service: string) => Promise<ServiceState>
  /** Stops what runs, in reverse order. */
  close: () => Promise<void>
}>

export async function openStack(options: StackOptions): Promise<Stack> {
  const stack = describeStack(options)
  try {
    for (const service of inOrder(options.services)) await stack.start(service)
  } catch (error) {
    if (!options.isDetached) await stack.close()
    throw error
  }
  return stack
}

/** The stack of a folder, without starting anything. */
export function describeStack({
  folder,
  portBase,
  isDetached = false,
  edits = [],
}: StackOptions): Stack {
  const compose = readComposeFile(process.env)
  const book = openAddressBook(compose, portBase)

  const place = (name: string): Placed & Readonly<{ layOut: () => void }> => {
    const found = compose.services.get(serviceOf(name))
    if (found === undefined) throw new Error(`compose.yaml has no service ${name}`)
    const service = { ...found, name }
    const mounts = openMounts(service, folder, book)
    return {
      service: rewriteService(service, mounts.rewrite),
      values: compose.values,
      path: mounts.path,
      address: book.address,
      folder: join(folder, name),
      scratch: join(folder, name, 'tmp'),
      layOut: mounts.layOut,
    }
  }
  const recordOf = (name: string): string => join(folder, name, 'process.json')
  const logOf = (name: string): string => join(folder, name, `${name}.log`)

  const start = async (name: string): Promise<void> => {
    const native = nativeOf(name)
    const placed = place(name)
    let running = findRecorded(recordOf(name))
    if (running === null) {
      await endLeftovers(recordOf(name), STOP_LIMIT_MS)
      native.install(compose.values)
      rmSync(placed.scratch, { recursive: true, force: true })
      mkdirSync(placed.scratch, { recursive: true })
      placed.layOut()
      for (const { path, edit } of edits.filter(({ service }) => service === serviceOf(name))) {
        const file = placed.path(path)
        writeFileSync(file, edit(readFileSync(file, 'utf8')))
      }
      native.prepare?.(placed)
      const command = native.command(placed)
      const environment = {
        ...passedOn(),
        TMPDIR: placed.scratch,
        ...placed.service.environment,
        ...command.environment,
      }
      const files = { record: recordOf(name), log: logOf(name), folder: placed.folder }
      running = startRecorded({ ...command, environment }, files, !isDetached)
    }
    await awaitHealth(name, native, placed, running, logOf(name))
  }
  const stop = async (name: string): Promise<void> => {
    const running = findRecorded(recordOf(name))
    if (running !== null) await endRecorded(running, place(name).service.stopSignal, STOP_LIMIT_MS)
    else await endLeftovers(recordOf(name), STOP_LIMIT_MS)
    forget(recordOf(name))
  }
  return {
    address: book.address,
    path: (name, containerPath) => {
      const placed = place(name)
      placed.layOut()
      return placed.path(containerPath)
    },
    environment: (name) => place(name).service.environment,
    command: (name) => place(name).service.command,
    values: compose.values,
    start,
    stop,
    kill: async (name, signal) => {
      const running = findRecorded(recordOf(name))
      if (running === null) throw new Error(`${name} does not run`)
      signalFamily(running, signal)
      if (signal === 'SIGKILL') await awaitEnd(running, STOP_LIMIT_MS)
    },
    state: async (name) => {
      const running = findRecorded(recordOf(name))
      const isHealthy = running !== null && (await probe(nativeOf(name), place(name), running))
      const pid = running?.pid ?? null
      return {
        service: name,
        address: book.address(serviceOf(name)),
        pid,
        isHealthy,
        log: logOf(name),
      }
    },
    close: async () => {
      const replicas = existsSync(folder)
        ? readdirSync(folder).filter((name) => REPLICA.test(name))
        : []
      for (const name of inOrder([...SERVICE_NAMES, ...replicas]).toReversed()) await stop(name)
    },
  }
}

/** Names in the order of their start. */
export function inOrder(services: readonly string[]): string[] {
  for (const name of services) nativeOf(name)
  const place = (name: string): number => SERVICE_NAMES.indexOf(serviceOf(name))
  return [...new Set(services)].sort((a, b) => place(a) - place(b))
}

function serviceOf(name: string): string {
  return name.replace(REPLICA, '')
}

function nativeOf(name: string): NativeService {
  const native = NATIVE_SERVICES[serviceOf(name)]
  if (native !== undefined) return native
  throw new Error(`there is no service ${name}: it is one of ${SERVICE_NAMES.join(', ')}`)
}

function rewriteService(
  service: ComposeService,
  rewrite: (text: string) => string,
): ComposeService {
  const environment = Object.entries(service.environment).map(([key, value]) => {
    // A variable may say host or port by its name, so that it is rewritten with it.
    const [, rewritten = ''] = rewrite(`${key}=${value}`).split(/=(.*)/s)
    return [key, rewritten] as const
  })
  return {
    ...service,
    environment: Object.fromEntries(environment),
    command: service.command.map(rewrite),
  }
}

function passedOn(): Record<string, string> {
  const found = PASSED_ON.map((key) => [key, process.env[key]] as const)
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
}

async function awaitHealth(
  name: string,
  native: NativeService,
  placed: Placed,
  running: RecordedProcess,
  log: string,
): Promise<void> {
  const begun = performance.now()
  while (!(await probe(native, placed, running))) {
    const isAlive = isRunning(running)
    if (isAlive && performance.now() - begun < native.startLimitMs) {
      await sleep(POLL_MS)
      continue
    }
    const what = isAlive ? `is not healthy after ${native.startLimitMs / 1000} s` : 'has ended'
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n')
    throw new Error(
      `${name} ${what}. Its log ${log} ends with:\n${lines}\n` +
        `Look there for the reason; \`npm run stack -- up ${name}\` tries again, with ` +
        'the data it has.',
    )
  }
}

async function probe(
  native: NativeService,
  placed: Placed,
  running: RecordedProcess,
): Promise<boolean> {
  try {
    return isRunning(running) && (await native.isHealthy(placed, running))
  } catch {
    return false
  }
}
