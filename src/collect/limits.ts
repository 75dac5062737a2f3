/**
 * Every limit of the collector, with its default; sizes in bytes, durations in milliseconds.
 * Warnings are limited too.
 */

export type CollectLimits = Readonly<{
  /** One body, after decompression (and before it). */
  bodyBytesMax: number
  /** Rejections listed in one answer; `rejectedCount` then tells how many there were. */
  answerRejectionsMax: number
  /** Memory for bodies over all requests, from the first chunk to the answer. */
  heldBytesMax: number
  /** What a request costs beside its body and its head, counted into `heldBytesMax`. */
  requestBytes: number
  /** The same for a rejected event, until it is kept. */
  rejectionBytes: number
  /**
   * Memory for requests that read, over all connections: what each costs, a small answer included,
   * and all of them.
   */
  readRequestBytes: number
  readRequestsBytesMax: number
  /**
   * Memory for large answers until they are taken. One that is larger is sent when there is no
   * other.
   */
  answersBytesMax: number
  /** The last few of them are answered 503 and closed; further ones are closed at once. */
  connectionsMax: number
  /**
   * The first line and the headers of a request; a link of the page that chooses 50 campaigns has
   * up to 39 KB.
   */
  headBytesMax: number
  /**
   * Bodies being decompressed at once: the other threads of libuv's pool stay free for fdatasync.
   */
  inflationsMax: number
  headersTimeoutMs: number
  /** From the first byte of a request to the last of its body. */
  requestTimeoutMs: number
  keepAliveTimeoutMs: number
  /**
   * How long a client may read nothing of an answer that is ready; noticed after at most twice as
   * long.
   */
  stuckTimeoutMs: number
  /** How often Node looks for requests that are too slow. */
  timeoutCheckMs: number
  /** After a refusal, how long and how much of the body is read and thrown away. */
  lingerMs: number
  lingerBytes: number
  /** How long `close()` waits for requests under way. */
  closeTimeoutMs: number
  /** How long whoever followed a click link waits until the click is durable. */
  clickWaitMs: number
}>

const KIB = 1024
const MIB = 1024 * KIB

export const DEFAULT_LIMITS: CollectLimits = {
  bodyBytesMax: 16 * MIB,
  answerRejectionsMax: 1000,
  heldBytesMax: 256 * MIB,
  requestBytes: 2 * KIB,
  rejectionBytes: 512,
  readRequestBytes: 16 * KIB,
  readRequestsBytesMax: 64 * MIB,
  answersBytesMax: 128 * MIB,
  connectionsMax: 8192,
  headBytesMax: 64 * KIB,
  inflationsMax: 2,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  stuckTimeoutMs: 60_000,
  timeoutCheckMs: 1000,
  lingerMs: 2000,
  lingerBytes: 64 * MIB,
  closeTimeoutMs: 10_000,
  clickWaitMs: 300,
}

/**
 * Files of log, tables, DuckDB, sockets to S3 and Kafka: beside many connections this many stay
 * possible, and at least half.
 */
const OTHER_FILES = 512

/**
 * Connections that this process may take where it may have `openFilesMax` files open; null = there
 * is no limit.
 */
export function connectionsWithin(connectionsMax: number, openFilesMax: number | null): number {
  if (openFilesMax === null) return connectionsMax
  const others = Math.min(OTHER_FILES, Math.ceil(openFilesMax / 2))
  return Math.min(connectionsMax, openFilesMax - others)
}

export type Warn = (message: string, cause: unknown) => void

const PAUSE_MS = 10_000

/**
 * One warning of a kind in a while: a broken disk fails every request, and must not fill the
 * terminal too. Messages are few and fixed; the first of each kind passes, then one every `pauseMs`
 * with the number of those withheld.
 */
export function limitWarnings(warn: Warn, nowMs: () => number, pauseMs: number = PAUSE_MS): Warn {
  const kinds = new Map<string, { lastMs: number; withheld: number }>()
  return (message, cause) => {
    const now = nowMs()
    const kind = kinds.get(message)
    if (kind === undefined) {
      kinds.set(message, { lastMs: now, withheld: 0 })
      warn(message, cause)
    } else if (now - kind.lastMs < pauseMs) {
      kind.withheld += 1
    } else {
      const times =
        kind.withheld === 0 ? '' : ` (and ${kind.withheld} times since the last warning)`
      kind.lastMs = now
      kind.withheld = 0
      warn(message + times, cause)
    }
  }
}
