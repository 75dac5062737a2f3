/** What DuckDB's errors mean here, by their text: it has no codes. */
import { reasonOf } from '../../runtime.ts'
import { QueryError, TABLES_HINT } from '../error.ts'

/** The limits of the instance that an error names. */
type Limits = Readonly<{
  options: Readonly<{ memoryMaxBytes: number; temporaryPath: string }>
}>

/**
 * A file that a view names is not there (any more): expiry or a merge took it away while the query
 * ran.
 */
const MISSING_FILE = /No files found that match|No such file or directory|could not open file/i
/** A file that is not, or is no longer, a Parquet file that can be read. */
const DAMAGED_FILE = new RegExp(
  "No magic bytes|too small to be a Parquet|don't know what type|TProtocol|[Cc]orrupt|" +
    'Could not read (enough bytes|from file)|failed to cast column|Error while reading file|' +
    'Permission denied|Is a directory',
)
const OUT_OF_MEMORY =
  /^Out of Memory|failed to (allocate|offload)|max_temp_directory_size|No space left/i

export function queryErrorOf(error: unknown, { options }: Limits): QueryError {
  if (error instanceof QueryError) {
    const isMissing = error.code === 'sql-refused' && MISSING_FILE.test(reasonOf(error.cause))
    return isMissing ? new QueryError('files-expired', error.facts, error.cause) : error
  }
  const text = reasonOf(error)
  const reason = duckdbReason(error)
  // The position in a statement of ours is of no use to the reader.
  const [inShort = reason] = reason.split('\n')
  if (MISSING_FILE.test(text)) return new QueryError('files-expired', { reason: inShort }, error)
  if (DAMAGED_FILE.test(text)) return new QueryError('file-damaged', { reason: inShort }, error)
  if (!OUT_OF_MEMORY.test(text)) return new QueryError('sql-refused', { reason }, error)
  const memory = `${Math.round(options.memoryMaxBytes / 2 ** 20)} MiB`
  return new QueryError(
    'out-of-memory',
    { memory, temporary: options.temporaryPath, reason },
    error,
  )
}

/** A table, schema or catalog that is not there. */
const NO_SUCH_TABLE = new RegExp(
  '^(?:Table with name .* does not exist\\b.*|Catalog ".*" does not exist!.*|' +
    '.*No catalog \\+ schema named .*)$',
  'm',
)
/**
 * Of use where it names a column, a plain function or one of the two tables; the other tables, and
 * the functions and settings it names, are DuckDB's own.
 */
const SUGGESTION = /\n+Did you mean:? (.*)$/m
const OWN_NAMES = /^"(?:campaign_events|campaign_metrics)"\?$/
const PLAIN_KIND = /^(?:Scalar Function|Aggregate Function|Macro Function|Type) with name /
const INTERNAL = /"(?:pg_|duckdb_|sqlite_|pragma_|__)/
/** Extensions cannot be loaded here, however they are installed. */
const EXTENSION_ADVICE = /\n+Please try installing and loading [\s\S]*$/

/**
 * DuckDB's own words without its "… Error:" prefix and without advice that cannot be followed here;
 * the position under the statement stays.
 */
export function duckdbReason(error: unknown): string {
  const words = reasonOf(error)
    .replace(/^(?:Failed to \w+ statements: )?[A-Za-z ]+ Error: /, '')
    .trim()
  return words
    .replace(SUGGESTION, (whole, named: string) => (isOfUse(words, named) ? whole : ''))
    .replace(EXTENSION_ADVICE, '\nExtensions of DuckDB are not loaded here.')
    .replace(NO_SUCH_TABLE, (line) => `${line}\n${TABLES_HINT}`)
}

function isOfUse(words: string, named: string): boolean {
  return OWN_NAMES.test(named) || (PLAIN_KIND.test(words) && !INTERNAL.test(named))
}
