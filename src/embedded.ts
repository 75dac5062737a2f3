/**
 * The embedded engine: takes events from the log, counts each exactly once and commits both tables,
 * in a thread of this process.
 */
export { type Adoption, type AdoptOptions, adoptTables } from './embedded/adopt.ts'
export { EMBEDDED_ENGINE } from './embedded/engine.ts'
export type { JobSettings } from './embedded/message.ts'
export { type JobThread, startJob } from './embedded/thread.ts'
