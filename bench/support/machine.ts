/** What the numbers were measured on, and what the operating system says about a process. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'

const MIB = 1024 * 1024
const CLOCK_TICKS_PER_SECOND = 100

export function describeMachine(): string {
  const [cpu] = cpus()
  const gib = Math.round(totalmem() / 1024 ** 3)
  return (
    `${cpu?.model ?? 'unknown CPU'}, ${cpus().length} cores, ${gib} GiB, Node ` +
    `${process.versions.node}`
  )
}

export function describeRevision(folder: string): string {
  const git = (...words: string[]): string =>
    execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8' }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}

/** The largest resident set so far, and the present one. */
export function readMemory(pid: number): Readonly<{ residentBytes: number; peakBytes: number }> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { residentBytes: kib('VmRSS') * 1024, peakBytes: kib('VmHWM') * 1024 }
}

/** CPU seconds of each thread of a process: the busiest tell where the time goes. */
export function readThreads(pid: number): ReadonlyMap<string, number> {
  const threads = new Map<string, number>()
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const seconds = (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
      threads.set(`${name}/${thread}`, seconds)
    } catch {
      // The thread ended while the list was read.
    }
  }
  return threads
}

/** CPU seconds of the whole machine since it started. */
export function readBusySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).map(Number)
  return (user + nice + system + irq + softirq) / CLOCK_TICKS_PER_SECOND
}

/** CPU seconds of a process, and of its children that have ended. */
export function readUsedSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return ticks / CLOCK_TICKS_PER_SECOND
}

/** Sequential writes of 1 MiB, each made durable: what the disk gives to a log of such frames. */
export function measureDisk(folder: string, totalMib = 256): number {
  const path = join(folder, 'disk-reference')
  const block = Buffer.alloc(MIB, 'x')
  const file = openSync(path, 'w')
  const started = performance.now()
  for (let written = 0; written < totalMib; written += 1) {
    writeSync(file, block)
    fdatasyncSync(file)
  }
  const seconds = (performance.now() - started) / 1000
  closeSync(file)
  rmSync(path)
  return totalMib / seconds
}
