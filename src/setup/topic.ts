/** The topic, where the log is one. */
import type { Config } from '../config.ts'
import { setUpTopic } from '../log.ts'
import type { SetupPart, SetupWorld } from './set-up.ts'

export async function setUpTopicOf(
  { log }: Config,
  { mode }: SetupWorld,
): Promise<readonly SetupPart[]> {
  if (log.kind !== 'kafka') return []
  const { outcome, partitions, replication, faults, remarks } = await setUpTopic(log, mode)
  const copies = `${partitions} partitions, replication ${replication}`
  return [{ part: 'topic', name: log.topic, outcome, remarks: [copies, ...faults, ...remarks] }]
}
