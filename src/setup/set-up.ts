/**
 * The parts in the order in which they need each other: the job reads the topic and writes the
 * tables, the dashboard reads these.
 */
import type { Config } from '../config.ts'
import { setUpDashboard } from './dashboard.ts'
import { setUpJob } from './job.ts'
import { setUpKeys } from './keys.ts'
import { setUpTables } from './tables.ts'
import { setUpTopicOf } from './topic.ts'

/**
 * `missing` and `differs` are told where only looking was asked for; `unfit` is what a user must
 * change by hand, `left` what a running process will change.
 */
export type SetupOutcome = 'found' | 'made' | 'changed' | 'missing' | 'differs' | 'left' | 'unfit'

export type SetupPart = Readonly<{
  part: 'keys' | 'topic' | 'bucket' | 'folder' | 'tables' | 'job' | 'dashboard'
  name: string
  outcome: SetupOutcome
  /** What the user should know of it, a sentence each. */
  remarks: readonly string[]
}>

export type SetupWorld = Readonly<{
  mode: 'make' | 'look'
  nowUs: () => number
  /** Fresh randomness, `bytes` of it, as text that travels in a header. */
  newSecret: (bytes: number) => string
}>

/** Ends after a part that is `unfit`: what follows could not work. */
export async function* setUp(config: Config, world: SetupWorld): AsyncIterable<SetupPart> {
  for (const setUpPart of [setUpKeys, setUpTopicOf, setUpTables, setUpJob, setUpDashboard]) {
    for (const part of await setUpPart(config, world)) {
      yield part
      if (part.outcome === 'unfit') return
    }
  }
}
