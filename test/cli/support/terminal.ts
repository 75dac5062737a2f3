/**
 * A terminal for commands under test: they write into strings, and no real process stream is
 * touched.
 */

import { Readable, Writable } from 'node:stream'
import { runCli } from '../../../src/cli/program.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

export type Ran = Readonly<{ exitCode: number; stdout: string; stderr: string }>

export type RunOptions = Readonly<{
  input?: string | readonly Uint8Array[] | Readable
  environment?: Readonly<Record<string, string>>
  nowMs?: number
}>

/** Runs one command line of campaign-metrics inside this process. */
export async function runInside(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const stdout: string[] = []
  const stderr: string[] = []
  const terminal: Terminal = {
    stdin: streamOf(options.input ?? ''),
    stdout: collector(stdout),
    stderr: collector(stderr),
    environment: options.environment ?? {},
    nowMs: () => options.nowMs ?? 1_767_225_600_000,
  }
  const exitCode = await runCli(words, terminal)
  return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') }
}

function streamOf(input: NonNullable<RunOptions['input']>): Readable {
  if (input instanceof Readable) return input
  return Readable.from(typeof input === 'string' ? [Buffer.from(input)] : input)
}

function collector(parts: string[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk))
      done()
    },
  })
}
