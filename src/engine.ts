/**
 * The byte engine: events as bytes in, columns and verdicts out, with no object per event in between. Its
 * work is done in WebAssembly (sources in engine/assembly, built by `scripts/build-engine.ts`).
 */
export { type IdSet, type IdSetOptions, loadIdSets, openIdSet } from './engine/id-set.ts'
export {
  type Inspection,
  type Inspector,
  openInspector,
  type RejectedEvent,
} from './engine/inspector.ts'
export {
  type AddedLines,
  openRowBatch,
  type RecentIds,
  type RowBatch,
  type RowBatchOptions,
} from './engine/row-batch.ts'
export type { TakenBatch } from './engine/taken-batch.ts'
