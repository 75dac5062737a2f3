/**
 * `rejected/`: where events go that were not accepted, so that none is dropped silently. Raw bytes,
 * reason and arrival time as NDJSON beside the tables, to be looked at and sent again.
 *
 * The collector rejects before the log, the job what others wrote past the collector; each
 * has its own files and there is one writer a source.
 *
 * In the ledger (received = stored + duplicate + rejected + waiting) `rejected` is `stats().total` of both
 * sources: durable, and derived from the files at open. An event counts when `keep` has resolved. A request
 * whose rejected events could not be kept is answered 503 and retried whole by its sender: its accepted
 * events are then duplicates, its rejected ones are kept once. See `collect/ingest.ts` for the order.
 */
export { keptPlaces } from './rejected/kept-places.ts'
export type { RejectedRecord, RejectedSource } from './rejected/line.ts'
export {
  countRejected,
  isHopeless,
  type KeptEvent,
  listRejected,
  markReplayed,
  replayBody,
} from './rejected/listing.ts'
export { RejectedError, type RejectedErrorCode } from './rejected/rejected-error.ts'
export {
  openRejected,
  type RejectedOptions,
  type RejectedStats,
  type RejectedStore,
} from './rejected/store.ts'
