/**
 * Whether the tables that Flink fills were filled from this topic. A topic that was made anew has another id and lower offsets:
 * Flink would go on as if nothing were there to read, in silence (F11). Our commits carry the log's id along.
 */

import { type KafkaPlace, readConsumerLag } from '../../log.ts'
import { type Lake, newestValue, SUMMARY_KEYS } from '../../table.ts'

type Facts = Readonly<Record<string, string | number>>

const WAY_ON =
  'Restore the topic; or, if it is lost for good, leave these tables as they are and fill new ones: name another warehouse and ' +
  'another catalog database in the configuration, and run `campaign-metrics setup`'

const MESSAGES = {
  'other-log': (f: Facts): string =>
    `the tables were filled from the log ${f.tables}, but the topic ${f.topic} is another one now, ${f.log}: it was deleted and made ` +
    `anew, or it is on another cluster. ${WAY_ON}`,
  'log-too-short': (f: Facts): string =>
    `the tables hold every event before offset ${f.committed} of partition ${f.partition}, but the topic ${f.topic} ends there at ` +
    `${f.end}: its end was lost. ${WAY_ON}`,
} as const

export class LogFitError extends Error {
  readonly code: keyof typeof MESSAGES
  readonly facts: Facts

  constructor(code: keyof typeof MESSAGES, facts: Facts) {
    super(MESSAGES[code](facts))
    this.name = 'LogFitError'
    this.code = code
    this.facts = facts
  }
}

/** Throws LogFitError; notes the log's id in tables that do not name one yet. */
export async function fitLog(
  lake: Lake,
  log: KafkaPlace,
  logId: string,
  group: string,
): Promise<void> {
  const { topic } = log
  const kept = newestValue(lake.metrics, SUMMARY_KEYS.logId)
  if (kept !== undefined && kept !== logId) {
    throw new LogFitError('other-log', { tables: kept, log: logId, topic })
  }
  const { partitions } = await readConsumerLag(log, group)
  for (const [partition, { committed, end }] of partitions.entries()) {
    if (committed === null || committed <= end) continue
    throw new LogFitError('log-too-short', { committed, partition, end, topic })
  }
  if (kept !== undefined) return
  const metrics = { add: [], remove: [] }
  await lake.commit({ metrics, summary: { [SUMMARY_KEYS.logId]: logId }, commitId: `log-${logId}` })
}
