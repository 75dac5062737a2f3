/** A progress bar on a terminal, nothing elsewhere; messages appear above it. All on standard error. */

import { SingleBar } from 'cli-progress'
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
  const bar = new SingleBar({
    stream: stderr as NodeJS.WriteStream,
    clearOnComplete: true,
    hideCursor: true,
    format: '{bar} {percentage}% of {size}, {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  bar.start(totalBytes, 0, { size: bytesText(totalBytes) })
  return {
    advance: (bytes) => bar.increment(bytes),
    say: (text) => {
      stderr.write(`\r\x1b[K${text}\n`)
      bar.render()
    },
    close: () => bar.stop(),
  }
}
