/** What PyIceberg says of a table, with its rows in a file (test/interop/canonical-rows.py). */
import { join } from 'node:path'
import { runReader } from '../support/readers.ts'
import type { Side } from './side.ts'

export type TableName = 'campaign_events' | 'campaign_metrics'

export type TableReport = Readonly<{
  rows: number
  /** Paths of the data files, as often as they are referenced. */
  files: readonly string[]
  deleteFiles: number
  snapshots: readonly Readonly<{
    id: string
    operation: string
    summary: Readonly<Record<string, string>>
  }>[]
  properties: Readonly<Record<string, string>>
  location: string
  /** The file of the rows. */
  rowsFile: string
}>

export async function readTable(side: Side, table: TableName): Promise<TableReport> {
  const rowsFile = join(side.folder.path, `${table}.rows.ndjson`)
  const words = [...side.readerWords, table, rowsFile]
  const run = await runReader(side.folder, 'canonical-rows.py', words)
  if (run.exit.code !== 0) throw new Error(`canonical-rows.py failed:\n${run.stdout}${run.stderr}`)
  return { ...(JSON.parse(run.stdout) as Omit<TableReport, 'rowsFile'>), rowsFile }
}

/** The data files that a table refers to more than once. */
export function filesTwice({ files }: TableReport): readonly string[] {
  const seen = new Set<string>()
  return files.filter((file) => seen.size === seen.add(file).size)
}
