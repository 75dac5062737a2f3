/** Opens the log that the configuration names: a folder, or a topic of Kafka. */
import type { Config } from '../config.ts'
import { type EventLog, openKafkaLog, openLog } from '../log.ts'
import { killAt } from '../runtime.ts'
import type { PipelineOptions } from './pipeline.ts'

export async function openEventLog(
  config: Config,
  { killAt: step, nowUs, onWarning }: Pick<PipelineOptions, 'killAt' | 'nowUs' | 'onWarning'>,
): Promise<EventLog> {
  const { log: place, logRetention } = config
  if (place.kind === 'kafka') {
    return await openKafkaLog(place, { nowUs, steadyMs: () => performance.now() })
  }
  const log = await openLog({
    directory: place.path,
    nowUs,
    retentionMs: logRetention.timeMs,
    bytesMax: logRetention.sizeBytes,
    diskReserveBytes: config.diskReserveBytes,
    onStep: killAt(step),
  })
  if (log.recovered.tornTail !== null) onWarning(log.recovered.tornTail.message)
  return log
}
