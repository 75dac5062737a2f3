/**
 * One running pipeline: log, job thread, collector. The commands and the tests start it through here.
 */
import { type Collector, startCollector } from '../collect.ts'
import type { Config } from '../config.ts'
import { openInspector } from '../engine.ts'
import { type Job, type JobProgress, startJob } from '../job.ts'
import { killAt } from '../kill-at.ts'
import { type Log, openLog } from '../log.ts'
import { openMeter } from '../meter.ts'
import { openRejected, type RejectedStore } from '../rejected.ts'
import { answerRestCatalog } from '../table.ts'
import { type Status, statusOf } from './status.ts'

export type PipelineOptions = Readonly<{
  nowUs: () => number
  /** Filled tables go on with another log (`start --new-log`). */
  acceptNewLog?: boolean
  /** For crash tests, see kill-at.ts. */
  killAt?: string | undefined
  /** Things the user should know while it runs, one sentence each. */
  onWarning: (text: string) => void
}>

export type Pipeline = {
  /** Where it listens, as `http://127.0.0.1:8088`. */
  readonly address: string
  status(): Status
  /** Rejects when the pipeline can no longer do its work. */
  readonly failed: Promise<never>
  /** Stops taking events, commits what the log holds as far as CLOSE_COMMIT_MS allows, and closes all rooms. */
  close(): Promise<void>
}

/** What is not committed by then waits, durable, in the log for the next start. */
const CLOSE_COMMIT_MS = 10_000
const TICK_MS = 1_000

export async function startPipeline(config: Config, options: PipelineOptions): Promise<Pipeline> {
  const opened: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closeRoom of opened.splice(0).reverse()) await closeRoom()
  }
  try {
    const pipeline = await openPipeline(config, options, (closeRoom) => opened.push(closeRoom))
    return { ...pipeline, close }
  } catch (error) {
    await close()
    throw error
  }
}
