/**
 * A client of Flink's SQL Gateway (REST, v2): a session, statements one after the other, their
 * rows.
 *
 *     POST /v2/sessions                                      -> sessionHandle
 *     POST /v2/sessions/S/statements {statement}             -> operationHandle
 *     GET  /v2/sessions/S/operations/O/result/N?rowFormat=JSON
 *            resultType NOT_READY: ask N again; PAYLOAD: rows, then ask nextResultUri; EOS: the end
 *     DELETE /v2/sessions/S
 *
 * A statement may contain a password (CREATE CATALOG): errors name a statement by its first words
 * only.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { FlinkError } from '../error.ts'
import { askFlink, objectIn, objectsIn, stringIn } from './rest.ts'

export type GatewayOptions = Readonly<{
  /** As `http://127.0.0.1:8083`. */
  url: string
  /** Session properties, such as `execution.state-recovery.path`. */
  properties?: Readonly<Record<string, string>>
}>

export type StatementResult = Readonly<{
  /** Of an INSERT or a statement set: the job that now runs. */
  jobId: string | null
  columns: readonly string[]
  rows: readonly (readonly unknown[])[]
}>

export type GatewaySession = {
  /** Throws FlinkError `statement` with Flink's root cause, or `unreachable`. */
  execute(statement: string): Promise<StatementResult>
  close(): Promise<void>
}

/** For one statement, its rows included. */
const STATEMENT_TIMEOUT_MS = 180_000
const POLL_MS = 50
const POLL_MS_MAX = 500
const ROWS_MAX = 100_000
const HEADING_CHARACTERS = 60

export async function openGatewaySession(options: GatewayOptions): Promise<GatewaySession> {
  const { url, properties = {} } = options
  const body = { sessionName: 'campaign-metrics', properties }
  const session = stringIn(
    await askFlink(url, '/v2/sessions', { method: 'POST', body }),
    'sessionHandle',
  )
  const path = `/v2/sessions/${session}`
  return {
    execute: (statement) => execute(url, path, statement),
    close: async () => {
      await askFlink(url, path, { method: 'DELETE' })
    },
  }
}

/** What a statement does, without its values: `CREATE CATALOG lake WITH …`. */
export function statementHeading(statement: string): string {
  const words = statement
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const beforeOptions = words.split(/\bWITH\s*\(|=/i)[0] ?? ''
  return beforeOptions.length > HEADING_CHARACTERS
    ? `${beforeOptions.slice(0, HEADING_CHARACTERS)}…`
    : beforeOptions.trim()
}

async function execute(url: string, session: string, statement: string): Promise<StatementResult> {
  try {
    const started = await askFlink(url, `${session}/statements`, {
      method: 'POST',
      body: { statement },
      timeoutMs: STATEMENT_TIMEOUT_MS,
    })
    const operation = `${session}/operations/${stringIn(started, 'operationHandle')}`
    const result = await readResult(url, operation)
    await askFlink(url, `${operation}/close`, { method: 'DELETE' })
    return result
  } catch (cause) {
    if (!(cause instanceof FlinkError) || cause.code !== 'refused') throw cause
    const { why = null } = cause.facts
    throw new FlinkError('statement', { url, statement: statementHeading(statement), why })
  }
}

async function readResult(url: string, operation: string): Promise<StatementResult> {
  const rows: unknown[][] = []
  let columns: string[] = []
  let jobId: string | null = null
  let next = `${operation}/result/0?rowFormat=JSON`
  let waitMs = POLL_MS
  let waitedMs = 0
  for (;;) {
    const answer = await askFlink(url, next, { timeoutMs: STATEMENT_TIMEOUT_MS })
    if (typeof answer.jobID === 'string') jobId = answer.jobID
    const results = objectIn(answer, 'results')
    if (columns.length === 0)
      columns = objectsIn(results, 'columns').map(({ name }) => String(name))
    const read = objectsIn(results, 'data').map(({ fields }) =>
      Array.isArray(fields) ? fields : [],
    )
    for (const row of read) rows.push(row)
    if (rows.length > ROWS_MAX)
      throw new FlinkError('answer', { url, fault: `${url} gave more than ${ROWS_MAX} rows` })
    if (answer.resultType === 'EOS') return { jobId, columns, rows }
    if (typeof answer.nextResultUri === 'string') next = answer.nextResultUri
    if (read.length > 0) continue
    if (waitedMs >= STATEMENT_TIMEOUT_MS) {
      const why = `a statement did not end in ${STATEMENT_TIMEOUT_MS} ms`
      throw new FlinkError('unreachable', { url, operation, why })
    }
    await sleep(waitMs)
    waitedMs += waitMs
    waitMs = Math.min(waitMs * 2, POLL_MS_MAX)
  }
}
