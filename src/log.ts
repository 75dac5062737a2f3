/**
 * The log: events are durable here before their sender is answered, and the job reads them from here, live and after a restart.
 *
 * One folder of segments, each a preallocated file of frames; a frame is what one group commit wrote. Lines have offsets, counted
 * from 0 without gaps. One process writes (lock); readers may be in other threads of it.
 */

export { LogError, type LogErrorCode, type LogErrorFacts } from './log/error.ts'
export { diskFiles, type LogFiles } from './log/files.ts'
export type { Frame } from './log/frame.ts'
export type { Lines } from './log/group.ts'
export { inspectLog, type LogInspection } from './log/inspect.ts'
export { type Log, type LogOptions, type LogStats, openLog, type Recovered } from './log/open.ts'
export { type LogReader, type LogReaderOptions, openLogReader } from './log/reader.ts'
export type { TornTail } from './log/recovery.ts'
export { LOG_STEPS, type LogStep } from './log/step.ts'
