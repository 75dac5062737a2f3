/** What a command may touch of the world around it, so that commands can be run inside tests. */

import type { Readable, Writable } from 'node:stream'

type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export type Terminal = Readonly<{
  stdin: Readable
  stdout: Output
  stderr: Output
  environment: Readonly<Record<string, string | undefined>>
  nowMs: () => number
}>

export function processTerminal(): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    nowMs: () => Date.now(),
  }
}

/** Writes and waits when the reader is slower than we are. */
export async function write(output: Writable, text: string): Promise<void> {
  if (output.destroyed || output.write(text)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      output.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    output.on('drain', done).on('close', done).on('error', done)
  })
}
