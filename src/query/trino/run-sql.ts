/**
 * One SQL text of a user's through Trino, as cells, streamed.
 *
 * What may run is one statement that only reads. In Trino's grammar what changes something has a
 * keyword of its own at its start, and no query holds such a statement inside; so the first word
 * decides, and for EXPLAIN (which with ANALYZE runs what it explains) the first word of what is
 * explained.
 */
import type { QueryResult } from '../cell.ts'
import { QueryError, TABLES_HINT } from '../error.ts'
import { resultColumns, type TrinoColumn, trinoCell } from './cell.ts'
import type { TrinoClient, TrinoResult } from './client.ts'

/** Throws QueryError: `not-a-query`, `sql-refused`, `files-expired`, `trino-…`. */
export async function runSql(client: TrinoClient, sql: string): Promise<QueryResult> {
  const result = await client.start(readingStatement(sql)).catch((error) => {
    throw withTables(error)
  })
  return {
    columns: resultColumns(result.columns),
    batches: batchesOf(result, result.columns),
    // Nobody waits for the end of a statement that is not wanted any more.
    close: () => void result.close(),
  }
}

/** Trino's names of the errors of a statement that names a table, schema or catalog in vain. */
const NO_SUCH_TABLE = /^(?:TABLE|SCHEMA|CATALOG)_NOT_FOUND$/

function withTables(error: unknown): unknown {
  if (!(error instanceof QueryError) || error.code !== 'sql-refused') return error
  const { errorName = '' } = error.cause as Readonly<{ errorName?: string }>
  if (!NO_SUCH_TABLE.test(errorName)) return error
  return new QueryError('sql-refused', { reason: `${error.facts.reason}. ${TABLES_HINT}` }, error)
}

async function* batchesOf(result: TrinoResult, columns: readonly TrinoColumn[]) {
  for await (const page of result.pages) {
    yield page.map((row) =>
      columns.map(({ typeSignature }, index) => trinoCell(row[index] ?? null, typeSignature)),
    )
  }
}

const READING = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE', '(', 'SHOW', 'DESCRIBE', 'DESC'])
const QUERY = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE', '('])

/** A comment, a text, a quoted name, a word, or any other character. */
const TOKEN = new RegExp(
  [
    /--[^\r\n]*|\/\*[\s\S]*?\*\//,
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`/,
    /[\p{L}\p{N}_@:$]+|[\s\S]/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
)

type Token = Readonly<{ text: string; at: number }>

/**
 * Returns the statement without a closing semicolon, which Trino refuses. Throws QueryError
 * `not-a-query`.
 */
export function readingStatement(sql: string): string {
  const tokens = meaningfulTokens(sql)
  let count = tokens.length
  while (count > 0 && tokens[count - 1]?.text === ';') count--
  const statement = tokens.slice(0, count)
  if (statement.length === 0) throw refused('an empty text')
  const statements = 1 + statement.filter(({ text }) => text === ';').length
  if (statements > 1) throw refused(`${statements} statements`)
  const first = wordAt(statement, 0)
  if (first === 'EXPLAIN') {
    const explained = wordAt(statement, explainedAt(statement))
    if (!QUERY.has(explained)) throw refused(`an EXPLAIN of ${explained}`)
  } else if (!READING.has(first)) throw refused(`a statement of type ${first}`)
  return sql.slice(0, tokens[count]?.at ?? sql.length)
}

/** EXPLAIN [ANALYZE [VERBOSE]] [(…)] statement */
function explainedAt(statement: readonly Token[]): number {
  let at = 1
  if (wordAt(statement, at) === 'ANALYZE') at++
  if (wordAt(statement, at) === 'VERBOSE') at++
  const isOptions = ['TYPE', 'FORMAT'].includes(wordAt(statement, at + 1))
  if (wordAt(statement, at) !== '(' || !isOptions) return at
  while (at < statement.length && wordAt(statement, at) !== ')') at++
  return at + 1
}

function wordAt(statement: readonly Token[], index: number): string {
  return statement[index]?.text.toUpperCase() ?? 'nothing'
}

function meaningfulTokens(sql: string): readonly Token[] {
  const tokens: Token[] = []
  for (const match of sql.matchAll(TOKEN)) {
    const [text] = match
    if (!/^(\s|--|\/\*)/.test(text)) tokens.push({ text, at: match.index })
  }
  return tokens
}

function refused(found: string): QueryError {
  return new QueryError('not-a-query', { found })
}
