/**
 * What a SQL engine must give for the questions of this room: a dialect, which says what its SQL
 * text looks like, and a port, which runs SQL. A further engine is a folder with one of each, and a
 * line in src/query.ts that exports what opens it; nothing here is optional, so the compiler names
 * what is missing.
 */
import type { WindowKey } from '../event.ts'

/**
 * A value of a result. A whole number is a number or a bigint; NaN, the infinities and decimals may
 * come as texts. The questions of this room ask for no maps; a user's may.
 */
export type SqlValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly SqlValue[]
  | Readonly<{ [key: string]: SqlValue }>

export type SqlRow = readonly SqlValue[]

/** Lists of values by name, for engines whose SQL text cannot hold them. */
export type SqlParameters = Readonly<Record<string, readonly (string | bigint)[]>>

export type SqlPort = Readonly<{
  /** All rows of a result that is known to be small. Throws QueryError. */
  rows(sql: string): Promise<readonly SqlRow[]>
  /** Rows page by page, so that a result larger than memory flows through. Throws QueryError. */
  pages(sql: string, parameters: SqlParameters): AsyncIterable<readonly SqlRow[]>
}>

export type TableName = 'campaign_events' | 'campaign_metrics'

/** `Source` is what names one state of a table: its files, or a snapshot. */
export type Dialect<Source> = Readonly<{
  /** A FROM item: a table at one state. */
  table(name: TableName, source: Source): string
  /** A moment, as a constant by which files and row groups can be skipped. */
  timestamp(epochUs: number): string
  /** A timestamp in microseconds since the epoch. */
  epochUs(timestamp: string): string
  /**
   * The start of the window that holds a timestamp, in microseconds. Rounds down before 1970 as
   * well.
   */
  windowStart(timestamp: string, windowUs: number): string
  /**
   * A revenue (DOUBLE) rounded to millionths from its shortest decimal form, half away from zero,
   * as a DECIMAL: the rule of src/event.ts. NULL is 0. What is no number within the limits is NULL:
   * no writer of ours stores NaN, the infinities or such values, and `verify` counts them.
   */
  millionths(revenue: string): string
  /** The sum of those over a group as whole millionths, exact past 2^53; 0 where there are none. */
  sumMillionths(millionths: string): string
  /** A whole number in the type of `sumMillionths`. */
  wholeMillionths(value: bigint): string
  /** An aggregate: the rows for which a condition is true. */
  countIf(condition: string): string
  /**
   * A condition of a FULL JOIN: equal, or both NULL. `absent` is a constant of the type of both,
   * for engines that join by equality alone.
   */
  isSame(left: string, right: string, absent: string): string
  /** SELECT of place (the index of a key), campaign_id and start_us, one row for each key. */
  windowKeys(keys: readonly WindowKey[]): Readonly<{ sql: string; parameters: SqlParameters }>
  /** What the keys of one statement may come to, counted as characters of its text. */
  keyCharactersMax: number
  /** A hash of 64 bits of an event's id. */
  idHash: string
  /**
   * Groups of event ids that stand in the table more than once: rows of (where, number of ids, some
   * of the ids). `where` says whether two rows of such an id surely arrived within the horizon, or,
   * where SQL cannot say that, lists the files of its rows. `suspects` is a SELECT of the hashes
   * that come twice.
   */
  repeatedIds(
    source: Source,
    suspects: string,
    limits: Readonly<{ horizonUs: number; examplesMax: number }>,
  ): string
}>

/** A text as SQL. */
export function textSql(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A name of a column, a view or a setting as SQL. */
export function nameSql(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
