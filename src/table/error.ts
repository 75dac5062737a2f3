/** The errors of the table room. Each message says what failed, where, and what to do. */

import { type ErrorKind, type Facts, RoomError, systemCode } from '../runtime.ts'
import { PROPERTY_KEYS } from './keys.ts'

export type TableErrorCode =
  | 'catalog-missing'
  | 'catalog-failed'
  | 'catalog-locked'
  | 'catalog-pooled'
  | 'second-writer'
  | 'commit-conflict'
  | 'outcome-unknown'
  | 'duplicate-file'
  | 'missing-file'
  | 'other-writer'
  | 'other-window'
  | 'other-layout'
  | 'other-property'
  | 'unfit-change'
  | 'set-back'
  | 'overtaken'
  | 'moved'
  | 'foreign-warehouse'
  | 'warehouse-path'
  | 'file-damaged'
  | 'file-lost'
  | 'file-unreadable'
  | 'file-unfit'
  | 'storage-failed'
  | 'misplaced'
  | 's3-failed'
  | 's3-location'
  | 'cache-failed'
  | 'not-a-folder'
  | 'locked'
  | 'other-warehouse'
  | 'closed'

/** `isTransient`: see the function of that name; some codes leave it to the cause of the error. */
type TableErrorKind = ErrorKind & Readonly<{ isTransient: boolean | 'by-cause' }>
type Message = ErrorKind['message']

const kindOf =
  (canRetry: boolean, isTransient: boolean) =>
  (message: Message): TableErrorKind => ({ canRetry, isTransient, message })
/** The user has to do something first. */
const lasting = kindOf(false, false)
/** The same call may succeed later. */
const retryable = kindOf(true, false)
/** It may pass by itself, and nothing has changed. */
const transient = kindOf(true, true)

const KINDS: Readonly<Record<TableErrorCode, TableErrorKind>> = {
  'catalog-missing': retryable(
    (f) =>
      `there are no tables in the catalog ${f.catalog} yet: start campaign-metrics once, or ` +
      'correct "catalog" in the configuration',
  ),
  'catalog-failed': transient(
    (f) =>
      `the catalog ${f.catalog} cannot be used (${f.reason}). Nothing was committed. See that ` +
      'the database answers, or that the file and its folder can be read and written and the ' +
      'disk is not full',
  ),
  'catalog-locked': transient(
    (f) =>
      `the catalog ${f.catalog} is locked by another process (${f.reason}). Nothing was changed. ` +
      'Find out who holds it (fuser names the process), and end its transaction',
  ),
  'catalog-pooled': lasting(
    (f) =>
      `the catalog ${f.catalog} is behind a connection pooler that does not keep sessions ` +
      `(${f.reason}), so that no lock would keep a second writer away. Nothing was changed. Let ` +
      '"catalog" name PostgreSQL itself, or a pool that keeps them (PgBouncer: pool_mode = ' +
      'session, with room for two connections)',
  ),
  'second-writer': lasting(
    (f) =>
      `another process of campaign-metrics writes to ${f.table}: its commit ${f.commitId} follows ` +
      'ours, and is kept. Stop the other process, then start this one again; nothing is written ' +
      'twice',
  ),
  'commit-conflict': lasting(
    (f) =>
      `another writer changed ${f.table}: this commit was built on ${f.base}, the catalog now ` +
      `points to ${f.current}. Nothing was committed. See to it that one process writes to these ` +
      'tables, then start this one again',
  ),
  'outcome-unknown': lasting(
    (f) =>
      `whether commit ${f.commitId} reached the catalog ${f.catalog} is not known after ` +
      `${f.attempts} tries (${f.reason}). No file was deleted. Make the catalog reachable, then ` +
      'start again: the tables are read back and nothing is written twice',
  ),
  'duplicate-file': lasting(
    (f) =>
      `the data file ${f.path} is in ${f.table} already; adding it again would double its rows, ` +
      'so the commit was refused',
  ),
  'missing-file': lasting(
    (f) =>
      `the data file ${f.path} is no longer in ${f.table}, so it cannot be replaced: build the ` +
      'change again on the current view',
  ),
  'other-writer': lasting(
    (f) =>
      `${f.table} was filled by the writer "${f.found}", not by "${f.wanted}": two kinds of ` +
      'writers in one table would count events twice. Go on with the former writer, or choose ' +
      'another catalog and warehouse in the configuration. If another program changed the ' +
      `table's property ${PROPERTY_KEYS.writer}, set it back`,
  ),
  'other-window': lasting(
    (f) =>
      `${f.table} was filled with windows of ${f.found}, the configuration says ${f.wanted}. ` +
      `Set "window" back to ${f.found}, or choose another catalog and warehouse. If another ` +
      `program changed the table's property ${PROPERTY_KEYS.window}, set it back`,
  ),
  'other-layout': transient(
    (f) =>
      `another program changed the layout of ${f.table}: ${f.reason}. Nothing is committed ` +
      `meanwhile. ${f.todo}. The layout is in ${f.file}`,
  ),
  'other-property': transient(
    (f) =>
      `another program changed ${f.name} of ${f.table} from ${f.wanted} to ${f.found}. Nothing ` +
      'is committed meanwhile. Set it back',
  ),
  'unfit-change': transient((f) => `${f.change}. Nothing is committed meanwhile. ${f.todo}`),
  'set-back': transient(
    (f) =>
      `another program set ${f.table} back: its current snapshot ${f.found} does not descend ` +
      `from ${f.known}, on which this process has built. Nothing is committed meanwhile. Set the ` +
      `current snapshot to ${f.known} again; or, to keep the table as it is, stop this process ` +
      'and run: campaign-metrics adopt',
  ),
  overtaken: transient(
    (f) =>
      `other programs have changed ${f.table} ${f.attempts} times in a row before a commit could ` +
      'be made. Nothing was committed; it is tried again',
  ),
  moved: lasting(
    (f) =>
      `the tables in the catalog ${f.catalog} lie at ${f.recorded}, but the folder is now ` +
      `${f.actual}. If it was moved or copied, let "warehouse" name it and run: campaign-metrics ` +
      'relocate. If it was removed, restore it from a backup',
  ),
  'foreign-warehouse': lasting(
    (f) =>
      `${f.folder} holds files of a table that the catalog ${f.catalog} does not know. ` +
      'Restore the catalog file that belongs to it, or choose an empty folder as "warehouse"',
  ),
  'warehouse-path': lasting(
    (f) =>
      `the warehouse path ${f.path} has one of the characters ? # * [ in it, which Iceberg ` +
      'readers take for something else: choose another folder',
  ),
  'file-damaged': lasting(
    (f) => `${f.path} is not readable as ${f.expected} (${f.reason}): restore it from a backup`,
  ),
  'file-lost': lasting(
    (f) =>
      `${f.path} is in the table but not on the disk: restore it from a backup; if the folder ` +
      'was moved, run: campaign-metrics relocate',
  ),
  'file-unreadable': retryable(
    (f) => `${f.path} cannot be read (${f.reason}): check its permissions and its disk`,
  ),
  'file-unfit': lasting((f) => `${f.path} cannot be added to ${f.table}: ${f.reason}`),
  'storage-failed': {
    ...retryable(
      (f) =>
        `writing ${f.path} failed (${f.reason}); nothing was committed. Check the disk and its ` +
        'free space',
    ),
    isTransient: 'by-cause',
  },
  misplaced: transient(
    (f) =>
      `${f.fault}. Nothing is written to the tables meanwhile, and nothing is made anew: put it ` +
      'back, and commits go on; or stop this process, restore what is missing, and start it again',
  ),
  's3-failed': transient(
    (f) =>
      `${f.doing} ${f.path} at ${f.endpoint} failed (${f.reason}): ${f.todo}. Nothing was ` +
      'committed; nothing that was is lost',
  ),
  's3-location': lasting(
    (f) => `${f.path} is not a place on S3: write s3://bucket or s3://bucket/prefix as "warehouse"`,
  ),
  'cache-failed': retryable(
    (f) =>
      `${f.path} could not be copied into the cache ${f.directory} (${f.reason}): free space ` +
      'there, or set another "cache.directory"',
  ),
  'not-a-folder': lasting(
    (f) =>
      `only tables in a folder can be relocated, not those at ${f.path}: objects on S3 do not ` +
      'move without being copied. Copy the events into new tables instead: start with an empty ' +
      'place as "warehouse" and send them again',
  ),
  locked: lasting(
    (f) =>
      `the tables in the catalog ${f.catalog} are written by another process (${f.holder}). ` +
      'Only one may: stop that one, or give this one another database',
  ),
  'other-warehouse': lasting(
    (f) =>
      `the tables in the catalog ${f.catalog} lie at ${f.recorded}, the configuration says ` +
      `${f.actual}: set "warehouse" back, or choose another database as "catalog"`,
  ),
  closed: lasting((f) => `the tables in the catalog ${f.catalog} are closed`),
}

export class TableError extends RoomError<TableErrorCode> {
  override readonly name = 'TableError'

  constructor(code: TableErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/**
 * A known failure that may pass by itself, after which nothing has changed: the same commit may be
 * tried again. A commit whose outcome is unknown never fails like this, and neither does an fsync
 * that failed: repeated, it would report success without syncing anything.
 */
export function isTransient(error: unknown): error is Error {
  if (!(error instanceof TableError)) return isLackOfFiles(error)
  const kind = KINDS[error.code].isTransient
  return kind === 'by-cause' ? isFullDisk(error.cause) || isLackOfFiles(error.cause) : kind
}

function isFullDisk(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** The process, or the machine, has as many files open as it may. */
function isLackOfFiles(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'EMFILE' || code === 'ENFILE'
}
