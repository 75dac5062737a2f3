/**
 * The byte engine: events as bytes in, columns and verdicts out, with no object per event in between. Its
 * work is done in WebAssembly (sources in engine/assembly, built by `scripts/build-engine.ts`).
 */
export {
  type Inspection,
  type Inspector,
  openInspector,
  type RejectedEvent,
} from './engine/inspector.ts'
