/**
 * The lines of docs/reading.md, as a reader of that page copies them: each engine's own, in one
 * state of the process, with the addresses and the table of a test in place of the documented ones.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import type { Folder } from '../support/folder.ts'

export type State = 'Running' | 'Stopped'
export type Table = 'campaign_metrics' | 'campaign_events'
export type Lines = Readonly<{ language: string; text: string }>
export type Row = Readonly<Record<string, unknown>>

export type Site = Readonly<{
  folder: Folder
  /** Of the process, while it runs. */
  url: string
}>

const PAGE = join(import.meta.dirname, '../../docs/reading.md')
const PYTHON_PROGRAM = join(import.meta.dirname, 'documented.py')
const ROOT = join(import.meta.dirname, '../..')
const LIMITS = { timeout: 300_000, maxBuffer: 2 ** 28 }
const DOCUMENTED_URL = 'http://127.0.0.1:8088'
const DOCUMENTED_TABLE = /campaign_metrics/g
const DOCUMENTED_METADATA_FILE = /metadata\/[^'/]*\.metadata\.json/
const FENCED = /^```(\w*)\n(.*?)^```/gms

/**
 * The blocks of an engine, to be run one after the other. Engines that read what PyIceberg has
 * loaded have its block before their own.
 */
export function documentedLines(
  engine: string,
  state: State,
  { folder, url }: Site,
  table: Table,
): readonly Lines[] {
  const own = blocksOf(engine, state)
  const loading = own.some(({ text }) => text.includes('(table)') || text.includes('table.scan('))
  const isLoadedBefore = loading && engine !== 'PyIceberg'
  return [...(isLoadedBefore ? blocksOf('PyIceberg', state) : []), ...own].map(
    ({ language, text }) => ({
      language,
      text: text
        .replaceAll(DOCUMENTED_URL, url)
        .replaceAll(DOCUMENTED_TABLE, table)
        .replace(DOCUMENTED_METADATA_FILE, () =>
          metadataFile(folder, table).split('/').slice(-2).join('/'),
        ),
    }),
  )
}

/**
 * Of a section with the lines of several engines, the block that imports this one. Else those
 * between the paragraph that begins with the state and that of the other one, or all.
 */
function blocksOf(engine: string, state: State): readonly Lines[] {
  const section = sectionOf(engine)
  const all = blocksIn(section)
  const own = all.filter(({ text }) =>
    new RegExp(`^import ${engine.toLowerCase()}$`, 'm').test(text),
  )
  if (own.length > 0 && engine !== 'DuckDB') return own
  const parts = section.split(/^(?=(?:Running|Stopped)\b)/m)
  if (parts.length === 1) return all
  const part = parts.find((one) => one.startsWith(state) || one.startsWith('Running and stopped'))
  return blocksIn(part ?? '')
}

function blocksIn(text: string): readonly Lines[] {
  return [...text.matchAll(FENCED)].map(([, language = '', text = '']) => ({ language, text }))
}

function sectionOf(engine: string): string {
  const sections = readFileSync(PAGE, 'utf8').split(/^## /m)
  const found = sections.find((section) => section.split('\n', 1)[0]?.includes(engine))
  assert.ok(found !== undefined, `docs/reading.md has no section ${engine}`)
  return found
}

/** The current metadata file, as docs/reading.md finds it for engines that want one. */
export function metadataFile(folder: Folder, table: Table): string {
  const catalog = new DatabaseSync(folder.catalogPath, { readOnly: true })
  try {
    const sql = 'SELECT metadata_location FROM iceberg_tables WHERE table_name = ?'
    return String(catalog.prepare(sql).get(table)?.metadata_location)
  } finally {
    catalog.close()
  }
}

/** What the lines of an engine in Python, or in SQL of DuckDB or ClickHouse, print. */
export async function printedRows(
  python: string,
  engine: string,
  site: Site,
  state: State,
  table: Table,
): Promise<readonly Row[]> {
  return await runPython(python, engine, site, documentedLines(engine, state, site, table))
}

/** The rows of the files that PyIceberg lists, read by the documented lines of hyparquet. */
export async function hyparquetRows(
  python: string,
  engine: string,
  site: Site,
  state: State,
  table: Table,
): Promise<readonly Row[]> {
  const lines = documentedLines(engine, state, site, table)
  const isScript = ({ language }: Lines): boolean => language === 'js'
  const inPython = lines.filter((one) => !isScript(one))
  const paths = await runPython<string>(python, engine, site, inPython)
  const program = [
    ...lines.filter(isScript).map(({ text }) => text),
    'process.stdout.write(JSON.stringify(printed, (_, value) =>',
    "  typeof value === 'bigint' ? String(value) : value))",
  ].join('\n')
  const given = `const paths = ${JSON.stringify(paths)}
    const printed = []
    console.log = (rows) => printed.push(...rows)
    ${program}`
  const words = ['--input-type=module', '--eval', given]
  const { stdout } = await promisify(execFile)(process.execPath, words, { ...LIMITS, cwd: ROOT })
  return JSON.parse(stdout) as readonly Row[]
}

async function runPython<T = Row>(
  python: string,
  engine: string,
  { folder }: Site,
  lines: readonly Lines[],
): Promise<readonly T[]> {
  const given = [PYTHON_PROGRAM, engine]
  const running = promisify(execFile)(python, given, { ...LIMITS, cwd: folder.path })
  running.child.stdin?.end(JSON.stringify(lines.map(({ language, text }) => [language, text])))
  return JSON.parse((await running).stdout) as readonly T[]
}
