/**
 * Holds what a side shows to its readers against the model: both tables, to the last bit, and no
 * data file twice.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runReader } from '../support/readers.ts'
import { areEqual, compareRows, inWords } from './compare-rows.ts'
import { type Model, metricsKey } from './model.ts'
import type { Side } from './side.ts'

export type Checked = Readonly<{
  rawRows: number
  metricsRows: number
  problems: readonly string[]
}>

type TableName = 'campaign_events' | 'campaign_metrics'

/** What PyIceberg reads of a table, with its rows in a file (test/interop/canonical-rows.py). */
type TableReport = Readonly<{
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

const POLL_MS = 3_000

/** Reads both tables once and says what is wrong with them. */
export async function checkSide(side: Side, model: Model): Promise<Checked> {
  const raw = await readTable(side, 'campaign_events')
  const metrics = await readTable(side, 'campaign_metrics')
  const rawRows = await compareRows(raw.rowsFile, model.events, (row) => String(row[0]))
  const metricsRows = await compareRows(metrics.rowsFile, model.metrics(), (row) =>
    metricsKey(String(row[0]), Number(row[1])),
  )
  const problems: string[] = []
  if (!areEqual(rawRows)) problems.push(inWords('campaign_events', rawRows))
  if (!areEqual(metricsRows)) problems.push(inWords('campaign_metrics', metricsRows))
  for (const [table, report] of Object.entries({
    campaign_events: raw,
    campaign_metrics: metrics,
  })) {
    const twice = filesTwice(report)
    if (twice.length > 0) problems.push(`${table}: data files twice: ${twice.join(', ')}`)
    if (report.deleteFiles > 0) problems.push(`${table}: ${report.deleteFiles} delete files`)
  }
  return { rawRows: rawRows.rows, metricsRows: metricsRows.rows, problems }
}

/**
 * Checks until nothing is wrong any more: a window that closes, or is amended, does so in its own
 * time. What is still wrong after the side's limit is wrong.
 */
export async function checkUntilRight(side: Side, model: Model): Promise<Checked> {
  const deadline = AbortSignal.timeout(side.settleLimitMs)
  for (;;) {
    const checked = await checkSide(side, model)
    if (checked.problems.length === 0) return checked
    if (deadline.aborted) {
      const limit = `${side.name}: not right after ${side.settleLimitMs / 1000} s`
      throw new Error([limit, ...checked.problems].join('\n'))
    }
    await sleep(POLL_MS)
  }
}

async function readTable(side: Side, table: TableName): Promise<TableReport> {
  const rowsFile = join(side.folder.path, `${table}.rows.ndjson`)
  const words = [...side.readerWords, table, rowsFile]
  const run = await runReader(side.folder, 'canonical-rows.py', words)
  if (run.exit.code !== 0) throw new Error(`canonical-rows.py failed:\n${run.stdout}${run.stderr}`)
  return { ...(JSON.parse(run.stdout) as Omit<TableReport, 'rowsFile'>), rowsFile }
}

/** The data files that a table refers to more than once. */
function filesTwice({ files }: TableReport): readonly string[] {
  const seen = new Set<string>()
  return files.filter((file) => seen.size === seen.add(file).size)
}
