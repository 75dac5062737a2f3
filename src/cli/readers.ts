/**
 * Who reads what a command prints, and what becomes of the command when they leave: `… | head`, a
 * closed terminal, a full disk.
 */

import { EXIT_CODE } from './exit-code.ts'
import { errorText } from './report-error.ts'
import type { Terminal } from './terminal.ts'

/**
 * `daemon`: what nobody takes is lost, and nothing else. `worker`: goes on to its end, because its
 * exit code is an answer that a reader who left must not change. `printer`: has nothing more to do,
 * which is nobody's fault.
 */
export type ReaderNeed = 'daemon' | 'worker' | 'printer'

const NEEDS: Readonly<Record<string, ReaderNeed>> = { start: 'daemon', query: 'printer' }

export function readerNeed(command: string): ReaderNeed {
  return NEEDS[command] ?? 'worker'
}

/**
 * Nobody depends on the reader of standard error. Where output cannot be written for another
 * reason, only a daemon goes on.
 */
export function watchReaders({ stdout, stderr }: Terminal, need: () => ReaderNeed): void {
  stderr.on('error', () => {})
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE'
    if (need() === 'daemon' || (isClosed && need() === 'worker')) return
    if (isClosed) process.exit(EXIT_CODE.ok)
    stderr.write(errorText(error, false))
    process.exit(EXIT_CODE.failed)
  })
}
