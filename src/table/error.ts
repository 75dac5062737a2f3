/** What the table room can fail with. Each message says what failed, where, and what to do. */

type Facts = Readonly<Record<string, string | number>>

type Kind = Readonly<{
  /** Whether the same call may succeed later, with nothing done by the user. */
  canRetry: boolean
  message: (facts: Facts) => string
}>

export type TableErrorCode =
  | 'catalog-missing'
  | 'catalog-failed'
  | 'commit-conflict'
  | 'outcome-unknown'
  | 'duplicate-file'
  | 'missing-file'
  | 'other-writer'
  | 'other-window'
  | 'moved'
  | 'foreign-warehouse'
  | 'warehouse-path'
  | 'file-damaged'
  | 'file-lost'
  | 'file-unfit'
  | 'storage-failed'
  | 'closed'

const KINDS: Readonly<Record<TableErrorCode, Kind>> = {
  'catalog-missing': {
    canRetry: true,
    message: (f) =>
      `there are no tables in the catalog ${f.catalog} yet: start campaign-metrics once, or correct "catalog" in the configuration`,
  },
  'catalog-failed': {
    canRetry: true,
    message: (f) =>
      `the catalog ${f.catalog} cannot be used (${f.reason}): check that the file and its folder can be read and written, and that the disk is not full`,
  },
  'commit-conflict': {
    canRetry: false,
    message: (f) =>
      `another writer changed ${f.table}: this commit was built on ${f.base}, the catalog now points to ${f.current}. ` +
      'Nothing was committed. See to it that one process writes to these tables, then start this one again',
  },
  'outcome-unknown': {
    canRetry: false,
    message: (f) =>
      `whether commit ${f.commitId} reached the catalog ${f.catalog} is not known after ${f.attempts} tries (${f.reason}). ` +
      'No file was deleted. Make the catalog reachable, then start again: the tables are read back and nothing is written twice',
  },
  'duplicate-file': {
    canRetry: false,
    message: (f) =>
      `the data file ${f.path} is in ${f.table} already; adding it again would double its rows, so the commit was refused`,
  },
  'missing-file': {
    canRetry: false,
    message: (f) =>
      `the data file ${f.path} is no longer in ${f.table}, so it cannot be replaced: build the change again on the current view`,
  },
  'other-writer': {
    canRetry: false,
    message: (f) =>
      `${f.table} was filled by the writer "${f.found}", not by "${f.wanted}": two kinds of writers in one table would count events twice. ` +
      'Go on with the former writer, or choose another catalog and warehouse in the configuration',
  },
  'other-window': {
    canRetry: false,
    message: (f) =>
      `${f.table} was filled with windows of ${f.found}, the configuration says ${f.wanted}. ` +
      `Set "window" back to ${f.found}, or choose another catalog and warehouse`,
  },
  moved: {
    canRetry: false,
    message: (f) =>
      `the tables in the catalog ${f.catalog} lie at ${f.recorded}, but the folder is now ${f.actual}. ` +
      'If it was moved or copied, run: campaign-metrics relocate',
  },
  'foreign-warehouse': {
    canRetry: false,
    message: (f) =>
      `${f.folder} holds files of a table that the catalog ${f.catalog} does not know. ` +
      'Restore the catalog file that belongs to it, or choose an empty folder as "warehouse"',
  },
  'warehouse-path': {
    canRetry: false,
    message: (f) =>
      `the warehouse path ${f.path} has one of the characters ? # * [ in it, which Iceberg readers take for something else: choose another folder`,
  },
  'file-damaged': {
    canRetry: false,
    message: (f) =>
      `${f.path} is not readable as ${f.expected} (${f.reason}): restore it from a backup`,
  },
  'file-lost': {
    canRetry: false,
    message: (f) =>
      `${f.path} is in the table but not on the disk: restore it from a backup; if the folder was moved, run: campaign-metrics relocate`,
  },
  'file-unfit': {
    canRetry: false,
    message: (f) => `${f.path} cannot be added to ${f.table}: ${f.reason}`,
  },
  'storage-failed': {
    canRetry: true,
    message: (f) =>
      `writing ${f.path} failed (${f.reason}); nothing was committed. Check the disk and its free space`,
  },
  closed: {
    canRetry: false,
    message: (f) => `the tables in the catalog ${f.catalog} are closed`,
  },
}

export class TableError extends Error {
  readonly code: TableErrorCode
  readonly facts: Facts
  readonly canRetry: boolean
  constructor(code: TableErrorCode, facts: Facts, cause?: unknown) {
    const kind = KINDS[code]
    super(kind.message(facts), cause === undefined ? undefined : { cause })
    this.name = 'TableError'
    this.code = code
    this.facts = facts
    this.canRetry = kind.canRetry
  }
}

/** The words of any thrown value, for the `reason` of another error. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
