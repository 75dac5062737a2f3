/**
 * `rejected/`: where events go that were not accepted, so that none is dropped silently. Raw bytes,
 * reason and arrival time as NDJSON beside the tables, to be looked at and replayed.
 *
 * The collector rejects before the log, the job rejects what others wrote past the collector. Each
 * source has its own files and one writer; what the collector rejects of bots is a source too.
 *
 * In the ledger (received = stored + duplicate + rejected + waiting) `rejected` is `stats().total`
 * of all sources: durable, and derived from the files at open. An event counts when `keep` has
 * resolved. A request whose rejected events could not be kept is answered 503 and retried whole by
 * its sender: its accepted events are then duplicates, its rejected ones are kept once. See
 * `collect/ingest.ts` for the order.
 */

export { RejectedError } from './rejected/error.ts'
export { keptPlaces } from './rejected/folder.ts'
export {
  countRejected,
  isHopeless,
  type KeptEvent,
  listRejected,
  markReplayed,
  replayBody,
} from './rejected/kept-events.ts'
export type { RejectedRecord } from './rejected/line.ts'
export { openRejectedShares, type RejectedShares } from './rejected/shares.ts'
export { openRejected, type RejectedOptions, type RejectedStore } from './rejected/store.ts'
