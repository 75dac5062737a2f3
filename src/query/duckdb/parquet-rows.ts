/**
 * The rows of any Parquet file, its cells as text: what `send` reads. The instance sees the file's
 * folder and nothing else.
 */
import { realpathSync } from 'node:fs'
import path from 'node:path'
import { reasonOf } from '../../runtime.ts'
import { nameSql, textSql } from '../dialect.ts'
import { QueryError } from '../error.ts'
import { duckdbReason } from './error.ts'
import { type DuckDBBlobValue, type DuckDBValue, openDuck } from './instance.ts'
import { textOf } from './sum-rows.ts'

/** `number`: of the row, from 1. Cells are in the order that was asked for. */
export type ParquetRow = Readonly<{ number: number; cells: readonly (string | null)[] }>

export type ParquetRows = Readonly<{
  columns: readonly string[]
  /** In the order of the file, one batch after the other. Throws QueryError. */
  read(columns: readonly string[]): AsyncGenerator<readonly ParquetRow[]>
  close(): Promise<void>
}>

/** Throws QueryError `parquet-unreadable`. */
export async function openParquetRows(file: string): Promise<ParquetRows> {
  const place = realpathSync(file)
  const duck = await openDuck({ folders: [path.dirname(place)] })
  const from = `read_parquet(${textSql(escapedGlob(place))}, ${OPTIONS})`
  const connection = await duck.connect()
  const unreadable = (error: unknown): QueryError =>
    new QueryError('parquet-unreadable', { file, reason: reasonLine(error) }, error)
  const close = async (): Promise<void> => {
    connection.closeSync()
    await duck.close()
  }
  let columns: readonly string[]
  try {
    const described = await connection.run(`DESCRIBE SELECT * EXCLUDE (${ROW}) FROM ${from}`)
    columns = (await described.getRows()).map(([name]) => String(name))
  } catch (error) {
    await close()
    throw unreadable(error)
  }
  return {
    columns,
    async *read(asked) {
      const cells = asked.map((name) => `encode(CAST(${nameSql(name)} AS VARCHAR))`)
      try {
        const result = await connection.stream(`SELECT ${[ROW, ...cells].join(', ')} FROM ${from}`)
        for await (const rows of result.yieldRows()) yield rows.map(rowOf)
      } catch (error) {
        throw unreadable(error)
      }
    },
    close,
  }
}

const ROW = 'file_row_number'
/** Texts that were written without their annotation are texts as well. */
const OPTIONS = `hive_partitioning = false, binary_as_string = true, ${ROW} = true`

/** A name is a pattern to DuckDB. */
function escapedGlob(place: string): string {
  return place.replaceAll(/[*?[]/g, '[$&]')
}

function rowOf([index, ...cells]: readonly DuckDBValue[]): ParquetRow {
  return {
    number: Number(index) + 1,
    cells: cells.map((cell) => (cell === null ? null : textOf(cell as DuckDBBlobValue))),
  }
}

function reasonLine(error: unknown): string {
  return duckdbReason(error).split('\n')[0] ?? reasonOf(error)
}
