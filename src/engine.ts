/**
 * The byte engine: events as bytes in, columns and verdicts out, with no object per event in
 * between. Its work is done in WebAssembly (sources in engine/assembly, built by
 * `scripts/build-engine.ts`).
 */
export { type IdSet, loadIdSets } from './engine/id-set.ts'
export { type Inspection, type Inspector, openInspector } from './engine/inspector.ts'
export { openRowBatch, type RecentIds, type RowBatch } from './engine/row-batch.ts'
export type { TakenBatch } from './engine/taken-batch.ts'
