/** Makes one file of cells: of a raw file's events, or of the cells of the files it was merged from. */
import { rmSync, writeFileSync } from 'node:fs'
import type { EventCells, SumsQuery } from '../../query.ts'
import { type CellsSource, encodeCells } from './cell-file.ts'
import { CUBOID_RULES, type CuboidRules } from './cuboids.ts'
import { mergeCells } from './merge-cells.ts'
import { readCells } from './scan.ts'

/** Plain values, since they cross from one thread to another. */
export type CellsTask = Readonly<{
  source: CellsSource
  /** Files of cells that together are those of the raw file; none: its events are read. */
  parts: readonly string[]
  /** Where to write it. */
  to: string
}>

/**
 * Makes the file, and returns its bytes; null if the raw file has too many different values for
 * cells to be a gain. Throws where the raw file or a part cannot be read, or `to` not be written.
 */
export type MakeCells = (task: CellsTask) => Promise<number | null>

function* cellsOf(files: readonly string[]): Generator<EventCells> {
  for (const file of files) yield readCells(file)
}

export function openMakeCells(
  readEvents: SumsQuery['readCells'],
  rules: CuboidRules = CUBOID_RULES,
): MakeCells {
  return async ({ source, parts, to }) => {
    const cells =
      parts.length > 0 ? mergeCells(cellsOf(parts)) : await readEvents(source.raw, source.windowUs)
    const encoded = cells === null ? null : encodeCells(cells, source, rules)
    if (encoded === null) return null
    const bytes = Buffer.concat(encoded)
    try {
      writeFileSync(to, bytes)
    } catch (error) {
      rmSync(to, { force: true })
      throw error
    }
    return bytes.length
  }
}
