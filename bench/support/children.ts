/** The other processes of a measurement: the load generator, the watcher, the reference server. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LoadOptions, LoadReport } from './load.ts'

const HERE = import.meta.dirname

/** Pinned to one core where `core` is given. */
function spawnNode(file: string, words: readonly string[], core?: number): ChildProcess {
  const command = [process.execPath, join(HERE, file), ...words]
  const [program, ...rest] =
    core === undefined ? command : ['taskset', '-c', String(core), ...command]
  return spawn(program as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
}

export async function runLoad(options: LoadOptions, core?: number): Promise<LoadReport> {
  const child = spawnNode('load.ts', [JSON.stringify(options)], core)
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the load generator ended with ${code}`)
  return JSON.parse(text) as LoadReport
}

/** When which offset was seen in the tables. */
export type Sighting = readonly [seenMs: number, nextOffset: number]

export function startWatch(
  catalogPath: string,
): Readonly<{ stop(): Promise<readonly Sighting[]> }> {
  const child = spawnNode('watch.ts', [catalogPath])
  const sightings: Sighting[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on('line', (line) => sightings.push(JSON.parse(line) as Sighting))
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'close')
      return sightings
    },
  }
}

export async function startSink(core?: number): Promise<Readonly<{ url: string; stop(): void }>> {
  const child = spawnNode('sink.ts', [], core)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [url] = (await once(lines, 'line')) as [string]
  return { url, stop: () => child.kill('SIGTERM') }
}
