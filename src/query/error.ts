/** What the query room can fail with. Each message says what failed, where, and what to do. */
import { type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type QueryErrorCode =
  | 'sql-refused'
  | 'not-a-query'
  | 'files-expired'
  | 'file-lost'
  | 'file-damaged'
  | 'parquet-unreadable'
  | 'out-of-memory'
  | 'merge-failed'
  | 'no-spill-folder'
  | 'closed'
  | 'trino-unreachable'
  | 'trino-sign-in'
  | 'trino-address'
  | 'trino-answer'
  | 'trino-no-nodes'
  | 'trino-other-tables'
  | 'trino-resources'
  | 'trino-failed'

const KINDS: ErrorKinds<QueryErrorCode> = {
  'sql-refused': {
    canRetry: false,
    message: (f) => `the query cannot be run: ${f.reason}`,
  },
  'not-a-query': {
    canRetry: false,
    message: (f) =>
      'only one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW) can be run, this is ' +
      `${f.found}: the tables are changed by events alone. PIVOT needs its values named: ` +
      'PIVOT … ON column IN (value, …)',
  },
  'files-expired': {
    canRetry: true,
    message: (f) =>
      `a file of the tables was replaced while it was being read (${f.reason}): run it again. ` +
      'Beside a running pipeline replaced files stay for at least two minutes; what takes ' +
      'longer needs a smaller range of time, or the pipeline stopped',
  },
  'file-lost': {
    canRetry: false,
    message: (f) =>
      `a file of the tables is not on the disk (${f.reason}): restore it from a backup; if ` +
      'the folder was moved, run: campaign-metrics relocate',
  },
  'file-damaged': {
    canRetry: false,
    message: (f) =>
      `a file of the tables cannot be read (${f.reason}): see to the disk, or restore it from ` +
      'a backup',
  },
  'parquet-unreadable': {
    canRetry: false,
    message: (f) =>
      `${f.file} cannot be read as Parquet (${f.reason}): it is another kind of file, damaged, or ` +
      'not completely written',
  },
  'out-of-memory': {
    canRetry: false,
    message: (f) =>
      `the query needs more than its ${f.memory} of memory and what it may write to ` +
      `${f.temporary} (${f.reason}): ask for a smaller range of time or fewer groups, or give ` +
      'it more memory or disk',
  },
  'merge-failed': {
    canRetry: true,
    message: (f) =>
      `merging ${f.files} files into ${f.output} failed (${f.reason}); the files themselves ` +
      'are untouched. Check the disk and its free space',
  },
  'no-spill-folder': {
    canRetry: true,
    message: (f) =>
      `no folder for temporary files can be made in ${f.folder} (${f.reason}): see to its ` +
      'rights and its disk, or let TMPDIR name another one',
  },
  closed: {
    canRetry: false,
    message: () => 'the query room is closed',
  },
  'trino-unreachable': {
    canRetry: true,
    message: (f) =>
      `Trino does not answer at ${f.url} (${f.reason}). Check that it runs and that ` +
      '`trino.url` names it; a certificate of your own authority is trusted through ' +
      'NODE_EXTRA_CA_CERTS',
  },
  'trino-sign-in': {
    canRetry: false,
    message: (f) =>
      `Trino at ${f.url} refused the user "${f.user}" (${f.reason}). Check \`trino.user\` and ` +
      '`trino.password`',
  },
  'trino-address': {
    canRetry: false,
    message: (f) => `Trino cannot be used at ${f.url}: ${f.reason}`,
  },
  'trino-answer': {
    canRetry: false,
    message: (f) =>
      `what answers at ${f.url} is not Trino (${f.reason}). Check \`trino.url\`: it names the ` +
      'coordinator, such as http://localhost:8080',
  },
  'trino-no-nodes': {
    canRetry: true,
    message: (f) =>
      `Trino has no active node for the query ${f.query} (${f.reason}). Its nodes are listed in ` +
      'system.runtime.nodes; each must have a catalog for these tables (`trino.catalog`). A node ' +
      'that has just started is there after a few seconds',
  },
  'trino-other-tables': {
    canRetry: false,
    message: (f) =>
      `Trino at ${f.url} does not see these tables: its ${f.table} is ${f.seen}, ours is ` +
      `${f.own}. Let its catalog (\`trino.catalog\`) lie in the database that \`catalog\` names, ` +
      'or let `trino.url` name the Trino whose catalog does',
  },
  'trino-resources': {
    canRetry: true,
    message: (f) =>
      `Trino has no room for the query now (${f.reason}): ask for a smaller range of time or ` +
      'fewer groups, wait for other queries, or give Trino more memory (query.max-memory)',
  },
  'trino-failed': {
    canRetry: true,
    message: (f) =>
      `Trino could not finish the query ${f.query} (${f.reason}). If it comes again, Trino's ` +
      'own log says more about that query; the tables are unchanged by it',
  },
}

export class QueryError extends RoomError<QueryErrorCode> {
  override readonly name = 'QueryError'

  constructor(code: QueryErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/**
 * Added to the error of a statement that names a table which is not there, whichever engine refuses
 * it.
 */
export const TABLES_HINT = 'The tables are campaign_events and campaign_metrics.'
