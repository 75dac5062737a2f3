/**
 * Table properties: who writes the table and how wide its windows are. A table filled by another kind of writer, or with
 * other windows, is refused; on an empty one the properties simply change.
 */
import { PREVIOUS_METADATA_MAX, type TableState } from './commit-plan.ts'
import { TableError } from './error.ts'

export const WRITER_KEY = 'campaign-metrics.writer'
export const WINDOW_KEY = 'campaign-metrics.window'

export type Writer = 'embedded' | 'flink'
export type Properties = Readonly<Record<string, string>>

/** The properties a new table gets. */
export function tableProperties(writer: Writer, windowUs: number): Properties {
  return {
    [WRITER_KEY]: writer,
    [WINDOW_KEY]: windowText(windowUs),
    'write.format.default': 'parquet',
    'write.parquet.compression-codec': 'zstd',
    // Other writers, such as a compaction through Spark, shall keep whole bounds too.
    'write.metadata.metrics.default': 'full',
    'write.metadata.delete-after-commit.enabled': 'true',
    'write.metadata.previous-versions-max': String(PREVIOUS_METADATA_MAX),
  }
}

/** Whether the table's properties must be written anew; throws where they must not. */
export function propertiesDiffer(state: TableState, wanted: Properties): boolean {
  const { properties } = state.metadata
  const differs = (key: string) => properties[key] !== wanted[key]
  if (!differs(WRITER_KEY) && !differs(WINDOW_KEY)) return false
  if (state.manifests.every(({ live }) => live.length === 0)) return true
  const facts = (key: string) => ({
    table: state.table.name,
    found: properties[key] ?? 'none',
    wanted: wanted[key]!,
  })
  throw differs(WRITER_KEY)
    ? new TableError('other-writer', facts(WRITER_KEY))
    : new TableError('other-window', facts(WINDOW_KEY))
}

/** An ISO 8601 duration: `PT5M`, `PT90S`, `PT1H`. */
export function windowText(windowUs: number): string {
  const seconds = windowUs / 1e6
  if (seconds % 3600 === 0) return `PT${seconds / 3600}H`
  return seconds % 60 === 0 ? `PT${seconds / 60}M` : `PT${seconds}S`
}
