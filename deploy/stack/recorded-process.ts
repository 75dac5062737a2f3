/**
 * A process that may outlive the one which started it, found again by a file with its id and its
 * start time: a process that got the same id later has another start time, and is left alone. It
 * leads a process group of its own.
 */

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProcess, listFamily } from './process-family.ts'

type Environment = Readonly<Record<string, string>>

export type Command = Readonly<{
  argv: readonly string[]
  /** The user to run as, where the service refuses root. */
  user?: string
}>

export type RecordedProcess = Readonly<{ pid: number; startTime: string }>

const POLL_MS = 50
/**
 * Reading and writing everywhere: a user who is not root gets on in folders that root alone may
 * enter.
 */
const KEPT_RIGHTS = '+dac_override,+dac_read_search'

/**
 * Starts a command with its output in a file.
 * @param isBound whether it is killed when the process that starts it ends, in whatever way
 */
export function startRecorded(
  { argv, environment, user }: Command & Readonly<{ environment: Environment }>,
  files: Readonly<{ record: string; log: string; folder: string }>,
  isBound: boolean,
): RecordedProcess {
  const [command = '', ...args] = [...runAs(user, isBound), ...argv]
  const log = openSync(files.log, 'a')
  const child = spawn(command, args, {
    cwd: files.folder,
    env: environment,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  // Whether it runs is asked of the system, as for a process which somebody else started.
  child.on('error', () => {})
  child.unref()
  if (child.pid === undefined) throw new Error(`cannot start ${command}: is it installed?`)
  const started = { pid: child.pid, startTime: findProcess(child.pid)?.startTime ?? '' }
  writeFileSync(files.record, JSON.stringify(started))
  return started
}

/** The prefix of a command that runs as another user, or is killed with its parent. */
export function runAs(user: string | undefined, isBound: boolean): string[] {
  const rights = [`--inh-caps=${KEPT_RIGHTS}`, `--ambient-caps=${KEPT_RIGHTS}`]
  const asUser = user === undefined ? [] : [`--reuid=${user}`, '--clear-groups', ...rights]
  const bound = isBound ? ['--pdeathsig', 'SIGKILL'] : []
  const options = [...asUser, ...bound]
  return options.length === 0 ? [] : ['setpriv', ...options, '--']
}

/** The recorded process, if it still runs. */
export function findRecorded(record: string): RecordedProcess | null {
  const found = readRecord(record)
  return found !== null && isRunning(found) ? found : null
}

/**
 * Kills what a recorded process that was killed alone left behind; its group has its id, which is
 * not given out again.
 */
export async function endLeftovers(record: string, limitMs: number): Promise<void> {
  const found = readRecord(record)
  if (found === null || findProcess(found.pid)?.isZombie === false) return
  for (const pid of listFamily(found.pid)) send(pid, 'SIGKILL')
  await awaitEnd(found, limitMs)
}

function readRecord(record: string): RecordedProcess | null {
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as RecordedProcess
  } catch {
    return null
  }
}

export function isRunning({ pid, startTime }: RecordedProcess): boolean {
  const found = findProcess(pid)
  return found?.startTime === startTime && !found.isZombie
}

/** Signals it with all it started, as `kill -9` of a service is meant, or a pause of it. */
export function signalFamily(one: RecordedProcess, signal: NodeJS.Signals): void {
  if (!isRunning(one)) return
  for (const pid of listFamily(one.pid)) send(pid, signal)
}

/**
 * Asks it to end, and kills it with all it started when it takes too long.
 * @returns whether it ended by itself
 */
export async function endRecorded(
  one: RecordedProcess,
  signal: NodeJS.Signals,
  limitMs: number,
): Promise<boolean> {
  if (!isRunning(one)) return true
  const family = listFamily(one.pid)
  // A paused process would not see the signal.
  for (const pid of family) send(pid, 'SIGCONT')
  send(one.pid, signal)
  const hasEnded = await awaitEnd(one, limitMs)
  if (!hasEnded) {
    for (const pid of new Set([...family, ...listFamily(one.pid)])) send(pid, 'SIGKILL')
    await awaitEnd(one, limitMs)
  }
  return hasEnded
}

/**
 * Waits until it has ended with its group, and its id is free (PostgreSQL takes the one of its
 * zombie for itself); false when that takes longer than the limit.
 */
export async function awaitEnd(one: RecordedProcess, limitMs: number): Promise<boolean> {
  const isThere = (): boolean => findProcess(one.pid)?.startTime === one.startTime
  for (let waitedMs = 0; isThere() || listFamily(one.pid).length > 0; waitedMs += POLL_MS) {
    if (waitedMs >= limitMs) return false
    await sleep(POLL_MS)
  }
  return true
}

export function forget(record: string): void {
  rmSync(record, { force: true })
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
