/**
 * The other processes of a measurement: the load generator, the watcher, the viewers, the reference
 * server.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LoadOptions, LoadReport } from './load.ts'
import type { ViewersOptions, ViewersReport } from './viewers.ts'

const HERE = import.meta.dirname

/** Pinned to one core where `core` is given. */
function spawnNode(
  file: string,
  words: readonly string[],
  core?: number,
  input: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const command = [process.execPath, join(HERE, file), ...words]
  const [program, ...rest] =
    core === undefined ? command : ['taskset', '-c', String(core), ...command]
  return spawn(program as string, rest, { stdio: [input, 'pipe', 'inherit'] })
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

export type Viewers = Readonly<{
  /** Their streams are open; now they ask as well. */
  begin(): void
  stop(): Promise<ViewersReport>
}>

/** Resolves once each of them has an event stream open. */
export async function startViewers(options: ViewersOptions): Promise<Viewers> {
  const child = spawnNode('viewers.ts', [JSON.stringify(options)], undefined, 'pipe')
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const texts: string[] = []
  lines.on('line', (line) => texts.push(line))
  const closed = once(child, 'close')
  await Promise.race([once(lines, 'line'), closed])
  if (texts.length === 0) throw new Error(`the viewers ended with ${child.exitCode}`)
  return {
    begin: () => child.stdin?.write('begin\n'),
    stop: async () => {
      child.stdin?.end()
      const [code] = await closed
      if (code !== 0) throw new Error(`the viewers ended with ${code}`)
      return JSON.parse(texts.at(-1) as string) as ViewersReport
    },
  }
}
