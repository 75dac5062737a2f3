/**
 * The readers that share no code with the product: Python programs under `test/interop/`, run over
 * a product's catalog. Each prints what differs and exits 1 if anything does.
 */
import { spawn } from 'node:child_process'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pythonReaders } from '../interop/python.ts'
import type { Folder } from './folder.ts'
import type { Run } from './product.ts'

const INTEROP = join(import.meta.dirname, '../interop')
const READER_LIMIT_MS = 300_000

/** False, or why no reader can run here: goes into `test(name, { skip })`. */
export const skipReaders: string | false = pythonReaders().skip

export type TablesSummary = Readonly<{
  events: number
  duplicates: number
  rejected: number
  rawRows: number
  metricsRows: number
}>

/** Runs one of the programs, with the catalog's URI first. */
export async function runReader(
  folder: Folder,
  program: string,
  words: readonly string[],
): Promise<Run> {
  const { python, skip } = pythonReaders()
  if (python === null) throw new Error(skip)
  const child = spawn(python, [join(INTEROP, program), ...words], {
    cwd: folder.path,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: READER_LIMIT_MS,
  })
  const collected = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    collected.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    collected.stderr += text
  })
  const exit = await new Promise<Run['exit']>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { exit, ...collected }
}

/** `tables.py` over the tables and the inputs they were made from; throws with its report. */
export function checkTables(folder: Folder, inputs: readonly string[]): Promise<TablesSummary> {
  const { uri, properties } = folder.reader
  const options = Object.entries(properties).flatMap(([name, value]) => [
    '--property',
    `${name}=${value}`,
  ])
  return checkTablesWith(folder, ['--catalog', uri, ...options], inputs)
}

/** The same over a catalog and with properties of one's own, as arguments of `tables.py`. */
export async function checkTablesWith(
  folder: Folder,
  words: readonly string[],
  inputs: readonly string[],
): Promise<TablesSummary> {
  const run = await runReader(folder, 'tables.py', [...words, ...inputs])
  if (run.exit.code !== 0) throw new Error(`tables.py differs:\n${run.stdout}${run.stderr}`)
  const counts = ['input: (\\d+) events, (\\d+) duplicates, (\\d+) rejected']
  counts.push('tables: (\\d+) raw rows, (\\d+) metrics rows')
  const numbers = new RegExp(counts.join('; ')).exec(run.stdout)
  if (numbers === null) throw new Error(`tables.py said something else:\n${run.stdout}`)
  const [events, duplicates, rejected, rawRows, metricsRows] = numbers.slice(1).map(Number)
  return { events, duplicates, rejected, rawRows, metricsRows } as TablesSummary
}

/** What was sent, in order, one event a line: the input of `tables.py`. */
export type InputFile = Readonly<{
  path: string
  add(events: readonly (string | Uint8Array)[]): Promise<void>
}>

export async function openInputFile(folder: Folder, name = 'input.ndjson'): Promise<InputFile> {
  const path = join(folder.path, name)
  await writeFile(path, '')
  return {
    path,
    add: async (events) => {
      const newline = Buffer.from('\n')
      const parts = events.flatMap((event) => [Buffer.from(event as Uint8Array), newline])
      await appendFile(path, Buffer.concat(parts))
    },
  }
}

export type TableCounts = Readonly<{
  rawRows: number
  distinctIds: number
  /** Campaign, start of the window, impressions, clicks, conversions, revenue. */
  metrics: readonly (readonly [string, string, number, number, number, number])[]
}>

/** The rows of the tables as PyIceberg counts them. */
export async function countRows(folder: Folder): Promise<TableCounts> {
  const run = await runReader(folder, 'count.py', ['--catalog', folder.reader.uri])
  if (run.exit.code !== 0) throw new Error(`count.py failed:\n${run.stdout}${run.stderr}`)
  return JSON.parse(run.stdout) as TableCounts
}
