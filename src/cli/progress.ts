/**
 * A progress bar on a terminal, nothing elsewhere; messages appear above it. All on standard error.
 */

import { MultiBar } from 'cli-progress'
import { bytesText } from './number-text.ts'
import type { Terminal } from './terminal.ts'

export type Progress = Readonly<{
  advance(bytes: number): void
  say(text: string): void
  close(): void
}>

/** `totalBytes` is null when it is not known: then there is no bar. */
export function openProgress({ stderr }: Terminal, totalBytes: number | null): Progress {
  if (stderr.isTTY !== true || totalBytes === null || totalBytes === 0) {
    return {
      advance: () => {},
      say: (text) => stderr.write(`${text}\n`),
      close: () => {},
    }
  }
  // Of its kinds of bars only this one can write lines above itself.
  const bars = new MultiBar({
    stream: stderr as NodeJS.WriteStream,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    format: '{bar} {percentage}% of {size}, {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  const bar = bars.create(totalBytes, 0, { size: bytesText(totalBytes) })
  let isClosed = false
  return {
    advance: (bytes) => bar.increment(bytes),
    say: (text) => bars.log(`${text}\n`),
    close: () => {
      if (isClosed) return
      isClosed = true
      // Draws once more, which brings out the lines that `log` still holds.
      bars.update()
      bars.stop()
    },
  }
}
