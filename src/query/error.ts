/** What the query room can fail with. Each message says what failed, where, and what to do. */

type Facts = Readonly<Record<string, string | number>>

type Kind = Readonly<{
  /** Whether the same call may succeed later, with nothing done by the user. */
  canRetry: boolean
  message: (facts: Facts) => string
}>

export type QueryErrorCode =
  | 'sql-refused'
  | 'not-a-query'
  | 'files-expired'
  | 'file-lost'
  | 'file-damaged'
  | 'out-of-memory'
  | 'merge-failed'
  | 'no-spill-folder'
  | 'closed'
  | 'trino-unreachable'
  | 'trino-sign-in'
  | 'trino-address'
  | 'trino-answer'
  | 'trino-resources'
  | 'trino-failed'

const KINDS: Readonly<Record<QueryErrorCode, Kind>> = {
  'sql-refused': {
    canRetry: false,
    message: (f) => `the query cannot be run: ${f.reason}`,
  },
  'not-a-query': {
    canRetry: false,
    message: (f) =>
      `only one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW) can be run, this is ${f.found}: ` +
      'the tables are changed by events alone. PIVOT needs its values named: PIVOT … ON column IN (value, …)',
  },
  'files-expired': {
    canRetry: true,
    message: (f) =>
      `a file of the tables was replaced while it was being read (${f.reason}): run it again. Beside a running ` +
      'pipeline replaced files stay for at least two minutes; what takes longer needs a smaller range of time, or ' +
      'the pipeline stopped',
  },
  'file-lost': {
    canRetry: false,
    message: (f) =>
      `a file of the tables is not on the disk (${f.reason}): restore it from a backup; if the folder was moved, run: ` +
      'campaign-metrics relocate',
  },
  'file-damaged': {
    canRetry: false,
    message: (f) =>
      `a file of the tables cannot be read (${f.reason}): see to the disk, or restore it from a backup`,
  },
  'out-of-memory': {
    canRetry: false,
    message: (f) =>
      `the query needs more than its ${f.memory} of memory and what it may write to ${f.temporary} (${f.reason}): ` +
      'ask for a smaller range of time or fewer groups, or give it more memory or disk',
  },
  'merge-failed': {
    canRetry: true,
    message: (f) =>
      `merging ${f.files} files into ${f.output} failed (${f.reason}); the files themselves are untouched. ` +
      'Check the disk and its free space',
  },
  'no-spill-folder': {
    canRetry: true,
    message: (f) =>
      `no folder for temporary files can be made in ${f.folder} (${f.reason}): see to its rights and its disk, or let ` +
      'TMPDIR name another one',
  },
  closed: {
    canRetry: false,
    message: () => 'the query room is closed',
  },
  'trino-unreachable': {
    canRetry: true,
    message: (f) =>
      `Trino does not answer at ${f.url} (${f.reason}). Check that it runs and that \`trino.url\` names it; ` +
      'a certificate of your own authority is trusted through NODE_EXTRA_CA_CERTS',
  },
  'trino-sign-in': {
    canRetry: false,
    message: (f) =>
      `Trino at ${f.url} refused the user "${f.user}" (${f.reason}). Check \`trino.user\` and \`trino.password\``,
  },
  'trino-address': {
    canRetry: false,
    message: (f) => `Trino cannot be used at ${f.url}: ${f.reason}`,
  },
  'trino-answer': {
    canRetry: false,
    message: (f) =>
      `what answers at ${f.url} is not Trino (${f.reason}). Check \`trino.url\`: it names the coordinator, ` +
      'such as http://localhost:8080',
  },
  'trino-resources': {
    canRetry: true,
    message: (f) =>
      `Trino has no room for the query now (${f.reason}): ask for a smaller range of time or fewer groups, ` +
      'wait for other queries, or give Trino more memory (query.max-memory)',
  },
  'trino-failed': {
    canRetry: true,
    message: (f) =>
      `Trino could not finish the query ${f.query} (${f.reason}). If it comes again, Trino's own log says more ` +
      'about that query; the tables are unchanged by it',
  },
}

export class QueryError extends Error {
  readonly code: QueryErrorCode
  readonly facts: Facts
  readonly canRetry: boolean
  constructor(code: QueryErrorCode, facts: Facts, cause?: unknown) {
    const kind = KINDS[code]
    super(kind.message(facts), cause === undefined ? undefined : { cause })
    this.name = 'QueryError'
    this.code = code
    this.facts = facts
    this.canRetry = kind.canRetry
  }
}

/** What a statement that names a table in vain is told, whichever engine refuses it. */
export const TABLES_HINT = 'The tables are campaign_events and campaign_metrics.'

/** DuckDB's words for a table, schema or catalog that is not there. */
const NO_SUCH_TABLE =
  /^(?:Table with name .* does not exist\b.*|Catalog ".*" does not exist!.*|.*No catalog \+ schema named .*)$/m
/** Tables, functions and settings that are near in name are its own. What it says of columns and plain functions is of use. */
const SUGGESTION = /\n+Did you mean:? (.*)$/m
const OWN_NAMES = /^"(?:campaign_events|campaign_metrics)"\?$/
const PLAIN_KIND = /^(?:Scalar Function|Aggregate Function|Macro Function|Type) with name /
const INTERNAL = /"(?:pg_|duckdb_|sqlite_|pragma_|__)/
/** Extensions cannot be loaded here, however they are installed. */
const EXTENSION_ADVICE = /\n+Please try installing and loading [\s\S]*$/

/**
 * DuckDB's own words without its "… Error:" prefix and without advice that cannot be followed here; the position under the
 * statement stays.
 */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const words = text.replace(/^(?:Failed to \w+ statements: )?[A-Za-z ]+ Error: /, '').trim()
  return words
    .replace(SUGGESTION, (whole, named: string) => (isOfUse(words, named) ? whole : ''))
    .replace(EXTENSION_ADVICE, '\nExtensions of DuckDB are not loaded here.')
    .replace(NO_SUCH_TABLE, (line) => `${line}\n${TABLES_HINT}`)
}

function isOfUse(words: string, named: string): boolean {
  return OWN_NAMES.test(named) || (PLAIN_KIND.test(words) && !INTERNAL.test(named))
}

/** A file that a view names is not there (any more): expiry or a merge took it away while the query ran. */
export function isMissingFile(error: unknown): boolean {
  const text = error instanceof Error ? error.message : String(error)
  return /No files found that match|No such file or directory|could not open file/i.test(text)
}

/** What DuckDB says of a Parquet file that is none, or no longer. */
const DAMAGE =
  /No magic bytes|too small to be a Parquet|don't know what type|Could not read (enough bytes|from file)|failed to cast column|TProtocol|[Cc]orrupt|Error while reading file|Permission denied|Is a directory/

export function isDamagedFile(error: unknown): boolean {
  return DAMAGE.test(error instanceof Error ? error.message : String(error))
}

export function isOutOfMemory(error: unknown): boolean {
  const text = error instanceof Error ? error.message : String(error)
  return /^Out of Memory|failed to (allocate|offload)|max_temp_directory_size|No space left/i.test(
    text,
  )
}
