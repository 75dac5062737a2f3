/** Moves what Flink rejects into `rejected/`, every few seconds. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openRejectedMover } from '../flink.ts'
import { openRecordSource } from '../log.ts'
import { openRejected } from '../rejected.ts'
import type { Closing } from '../runtime.ts'
import type { FlinkSettings } from './flink-progress.ts'

export type RejectedMoving = Closing &
  Readonly<{
    /** Why the last move failed; null when it did not. */
    problem(): string | null
  }>

const MOVE_INTERVAL_MS = 3_000

export async function startRejectedMoving(
  config: FlinkSettings,
  { nowUs, warn }: Readonly<{ nowUs: () => number; warn: (text: string) => void }>,
): Promise<RejectedMoving> {
  const { rejectedDirectory: directory, rejectedMaxBytes: bytesMax } = config
  const store = await openRejected({ directory, source: 'job', bytesMax, nowUs, warn })
  const records = await openRecordSource(config.log)
  const stopping = new AbortController()
  let problem: string | null = null
  const mover = openRejectedMover({
    from: config.flink.rejectedDirectory,
    directory,
    store,
    readRecord: records.read,
  })

  async function move(): Promise<void> {
    try {
      await mover.move()
      problem = null
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      problem = `rejected records cannot be moved from ${config.flink.rejectedDirectory}: ${words}`
    }
  }

  const moving = (async () => {
    while (!stopping.signal.aborted) {
      await move()
      await sleep(MOVE_INTERVAL_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return {
    problem: () => problem,
    async close() {
      stopping.abort()
      await moving
      await records.close()
      await store.close()
    },
  }
}
