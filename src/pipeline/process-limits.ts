/**
 * What the system allows this process, and what it takes. Both are asked for on timers and in
 * callbacks, and on Linux both open a file: where no further file can be opened, a figure is
 * unknown, and nothing is thrown.
 */
import { readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import type { Memory } from '../meter.ts'

const LINUX_LIMITS = '/proc/self/limits'
/** `Max open files            1024                 524288               files`: soft, then hard. */
const LINUX_OPEN_FILES = /^Max open files\s+(\d+)/m

/** Null: not measurable at the moment. */
export function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss()
  } catch {
    return null
  }
}

export function memoryFigures(): Memory {
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics()
  return { rssBytes: residentBytes(), heapBytes, externalBytes }
}

/**
 * How many files and connections this process may have open, or null where there is no limit or
 * none can be found out, as on Windows. Node raises the soft limit to the hard one when it starts.
 */
export function openFilesMax(): number | null {
  const limit = Number(linuxOpenFiles() ?? reportedOpenFiles())
  return Number.isSafeInteger(limit) && limit > 0 ? limit : null
}

function linuxOpenFiles(): string | null {
  try {
    return LINUX_OPEN_FILES.exec(readFileSync(LINUX_LIMITS, 'utf8'))?.[1] ?? null
  } catch {
    return null
  }
}

/** macOS and other Unix systems; takes some milliseconds. */
function reportedOpenFiles(): unknown {
  const report: Readonly<Record<string, unknown>> = Object(process.report.getReport())
  const { open_files: openFiles }: Readonly<Record<string, unknown>> = Object(report.userLimits)
  const { soft }: Readonly<Record<string, unknown>> = Object(openFiles)
  return soft
}
