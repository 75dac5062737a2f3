/**
 * Opens the rooms in the order in which an event passes, log, job, dashboard, collector, and closes
 * them in reverse.
 */
export { type Adoption, adoptTables } from './embedded.ts'
export { ENGINES } from './pipeline/engines.ts'
export type { Outlook } from './pipeline/outlook.ts'
export { type Pipeline, type PipelineOptions, startPipeline } from './pipeline/pipeline.ts'
export { readStatus } from './pipeline/read-status.ts'
export type { Status } from './pipeline/status.ts'
