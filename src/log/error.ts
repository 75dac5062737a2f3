/**
 * What can fail in the log, be it a folder or a topic of Kafka. Each message says what failed,
 * where, and what to do. The codes that both kinds of log share tell them apart by the fact
 * `partition`.
 */

import { type ErrorKinds, type Facts, RoomError, reasonOf, systemCode } from '../runtime.ts'

export type LogErrorCode =
  /** Another process holds the folder. */
  | 'locked'
  /** The folder's lock is no longer this process's: it writes nothing more, and ends. */
  | 'lock-lost'
  /** Bytes on disk are not what was written, or a segment is missing. Nothing is skipped. */
  | 'damaged'
  /** The disk budget or the disk reserve is used up. Ends by itself: see `Limit`. */
  | 'full'
  /** Too many bytes wait to become durable. */
  | 'busy'
  /** Bytes of one append that no frame can hold. */
  | 'too-large'
  /**
   * The folder, its lock or a segment that is not in the tables yet is not where it was. Ends when
   * it is back.
   */
  | 'misplaced'
  /** A write or sync failed: the log accepts nothing more until the process is started again. */
  | 'io'
  /** `close` was called. */
  | 'closed'
  /** The offset asked for is below the first one held. */
  | 'trimmed'
  /** The offset asked for is above the end: the log was created anew, or lost its tail. */
  | 'beyond-end'
  /**
   * Kafka: the broker is away or asks to be asked again. The outcome of such an append is unknown.
   */
  | 'unavailable'
  /** Kafka: wrong credentials or TLS, or no right to the topic. */
  | 'denied'
  /** Kafka: there is no such topic. */
  | 'topic-missing'
  /** Kafka: the topic is not made as this program needs it. */
  | 'topic-unfit'
  /** Kafka: the topic is not the one it was when the log was opened. */
  | 'topic-replaced'
  /** Kafka: the broker is too old, or the topic holds an old message format. */
  | 'unsupported'

/** What the log has run out of when it is `full`. */
type Limit = 'bytesMax' | 'diskReserveBytes' | 'openFiles' | 'disk'

const REMEDIES: Readonly<Record<Limit, string>> = {
  bytesMax:
    'The tables lag behind the log: it goes on when they catch up; or raise its budget ' +
    '(`logRetention.size`).',
  diskReserveBytes:
    'It goes on when the disk has room again; or lower the reserve (`diskReserve`).',
  openFiles: 'It goes on when files can be opened again; or raise their limit (`ulimit -n`).',
  disk: 'It goes on when the disk, or the quota on it, has room again.',
}

const kafkaMessage = ({ what, todo }: Facts): string => `kafka: ${what}. ${todo}`

const KINDS: ErrorKinds<LogErrorCode> = {
  locked: { canRetry: false, message: (f) => `${f.reason}` },
  'lock-lost': { canRetry: false, message: (f) => `${f.reason}` },
  damaged: { canRetry: false, message: damagedMessage },
  full: {
    canRetry: true,
    message: (f) => `log full: ${f.what}. ${REMEDIES[f.limit as Limit]}`,
  },
  busy: {
    canRetry: true,
    message: (f) =>
      `log busy: ${f.waitingBytes} bytes wait to become durable, ${f.waitingBytesMax} are ` +
      'allowed. Send it again in a moment.',
  },
  'too-large': {
    canRetry: false,
    message: (f) =>
      `log: ${f.bytes} bytes in one append do not fit in a segment of ${f.segmentBytes}. ` +
      'Send less at once.',
  },
  misplaced: {
    canRetry: true,
    message: (f) =>
      `log: ${f.fault}. Nothing is accepted meanwhile, since nobody would find it again: put it ` +
      'back, and the log goes on; or stop this process, restore what is missing, and start it ' +
      'again.',
  },
  io: {
    canRetry: false,
    message: (f) =>
      f.end === undefined
        ? `log: ${f.what}: ${f.reason}`
        : `log failed: ${f.what}: ${f.reason}. Events not yet answered are not accepted, and ` +
          'nothing more is until the process is started again. Check the disk first.',
  },
  closed: { canRetry: false, message: () => 'log closed: it takes and gives nothing more' },
  trimmed: {
    canRetry: false,
    message: (f) =>
      f.partition === undefined
        ? `log begins at offset ${f.start}, and ${f.offset} is asked for: what lies between is ` +
          'no longer held. It is in the tables, if this log is theirs; else the reader has the ' +
          'wrong log.'
        : `kafka: partition ${f.partition} of ${f.topic} begins at offset ${f.start}, and ` +
          `${f.offset} is to be read next: the events between are gone (retention?). To go on ` +
          'without them: campaign-metrics start --new-log',
  },
  'beyond-end': {
    canRetry: false,
    message: (f) =>
      f.partition === undefined
        ? `log ends at offset ${f.end}, and ${f.offset} is asked for: it was created anew, or ` +
          'has lost its tail. Do not go on from here: restore the log folder, or say explicitly ' +
          'that reading is to begin anew.'
        : `kafka: partition ${f.partition} of ${f.topic} ends at offset ${f.end}, and ` +
          `${f.offset} is to be read next: the topic has lost its end. Restore it; or, to go on ` +
          'without what was lost: campaign-metrics start --new-log',
  },
  unavailable: { canRetry: true, message: kafkaMessage },
  denied: { canRetry: false, message: kafkaMessage },
  'topic-missing': {
    canRetry: false,
    message: (f) =>
      `kafka: there is no topic ${f.topic} at ${f.brokers}. Make it: campaign-metrics setup`,
  },
  'topic-unfit': { canRetry: false, message: kafkaMessage },
  'topic-replaced': {
    canRetry: false,
    message: (f) =>
      `kafka: the topic was made anew: it was ${f.before} and is ${f.now}. What was in the old ` +
      'one is lost unless it is in the tables. To fill the same tables from the new one: ' +
      'campaign-metrics start --new-log',
  },
  unsupported: { canRetry: false, message: kafkaMessage },
}

/** `canRetry`: nothing is wrong with the call or the log, and the same call may succeed later. */
export class LogError extends RoomError<LogErrorCode> {
  override readonly name = 'LogError'

  constructor(code: LogErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

function damagedMessage(f: Facts): string {
  if (f.partition !== undefined) {
    return (
      `kafka: the batch at offset ${f.offset} of partition ${f.partition} of ${f.topic} is ` +
      `damaged: ${f.what}. Nothing was skipped. Look at the disks of the brokers, and restore ` +
      'the partition from a replica.'
    )
  }
  const at = [
    f.file === undefined ? '' : `, file ${f.file}`,
    f.position === undefined ? '' : `, byte ${f.position}`,
    f.offset === undefined ? '' : `, offset ${f.offset}`,
  ].join('')
  return (
    `log damaged: ${f.what}${at}. Nothing was skipped or changed. Restore the log folder from a ` +
    'copy; or, to go on without the events that are only in it, move the folder away: a new log ' +
    'is then created.'
  )
}

export function damaged(what: string, facts: Facts, cause?: unknown): LogError {
  return new LogError('damaged', { what, ...facts }, cause)
}

const MISSING_SEGMENT = 'a segment is missing'

export function missingSegment(facts: Facts, cause?: unknown): LogError {
  return damaged(MISSING_SEGMENT, facts, cause)
}

/** A segment, or the folder, is not there. It may be put back. */
export function isMissing(error: LogError): boolean {
  return error.facts.what === MISSING_SEGMENT || systemCode(error.cause) === 'ENOENT'
}

/** Why the log takes nothing more for now. */
export function fullError(limit: Limit, what: string, facts: Facts, cause?: unknown): LogError {
  return new LogError('full', { limit, what, ...facts }, cause)
}

export function isFull(error: unknown, limit?: Limit): error is LogError {
  if (!(error instanceof LogError) || error.code !== 'full') return false
  return limit === undefined || error.facts.limit === limit
}

/** An error of the operating system as a LogError that says what failed; anything else as it is. */
export function explained(what: string, error: unknown): unknown {
  const code = systemCode(error)
  if (error instanceof LogError || code === null) return error
  return new LogError('io', { what, reason: reasonOf(error), cause: code }, error)
}

/** No file can be opened, in this process or on this machine. It passes; nothing has been done. */
export function isOutOfFiles(cause: unknown): boolean {
  const code = systemCode(cause)
  return code === 'EMFILE' || code === 'ENFILE'
}
