/**
 * Which state the job's checkpoints hold, as the tables note it. Flink maps state to operators by
 * ids that it derives from the plan: a changed key, or another backend, it may take for the same
 * operator and fail on again and again, or worse. So it is compared here, before anything is
 * stopped or submitted.
 */
import { type Lake, newestValue, SUMMARY_KEYS } from '../../table.ts'

export type StateBackend = 'hashmap' | 'rocksdb'

export type StateMark = Readonly<{ version: number; backend: StateBackend }>

export type StateNote = {
  /** Null where no job of this or a later version has written to the tables. */
  read(): Promise<StateMark | null>
  write(mark: StateMark): Promise<void>
}

/**
 * Counts the changes of job.sql that an older state cannot follow.
 *
 *   1  ids remembered as they are
 *   2  ids remembered by 16 bytes of their SHA-256; another number of key groups, other operator ids
 *   3  rowtime computed in a step of its own, and with it other operator ids
 */
export const STATE_VERSION = 3

const NOTE = /^(\d+) (hashmap|rocksdb)$/
const CHECKPOINT_PATH = /\/chk-\d+\/?$/

export function openStateNote(lake: Lake, nowMs: () => number): StateNote {
  return {
    async read() {
      await lake.refresh()
      return parseMark(newestValue(lake.metrics, SUMMARY_KEYS.flinkState))
    },
    async write({ version, backend }) {
      const note = `${version} ${backend}`
      await lake.refresh()
      if (newestValue(lake.metrics, SUMMARY_KEYS.flinkState) === note) return
      const metrics = { add: [], remove: [] }
      const summary = { [SUMMARY_KEYS.flinkState]: note }
      await lake.commit({ metrics, summary, commitId: `state-${nowMs()}` })
    },
  }
}

function parseMark(note: string | undefined): StateMark | null {
  const [, version, backend] = NOTE.exec(note ?? '') ?? []
  if (version === undefined) return null
  return { version: Number(version), backend: backend as StateBackend }
}

/** Why a job of this version cannot take over what a job has left; null when it can. */
export function whyOtherVersion(found: StateMark | null): string | null {
  const version = found?.version ?? 1
  if (version === STATE_VERSION) return null
  return (
    `The Flink job's state is of version ${version}, this program's job needs version ` +
    `${STATE_VERSION}: it cannot go on from a checkpoint of the other. The tables and the job are ` +
    'left as they are. To have this version read its state again from the topic: ' +
    'campaign-metrics start --rebuild-state. Or go on with the version that filled the tables.'
  )
}

/**
 * Why the first of the paths cannot be restored by the configured backend; null when it can. A
 * savepoint taken for a change of the backend is in a form that each can read, a checkpoint is not.
 */
export function whyOtherBackend(
  found: StateMark | null,
  wanted: StateBackend,
  paths: readonly string[],
): string | null {
  const [first] = paths
  if (found === null || found.backend === wanted) return null
  if (first === undefined || !CHECKPOINT_PATH.test(first)) return null
  return (
    `The newest checkpoint of the Flink job is of flink.stateBackend ${found.backend}, and ` +
    `${wanted} cannot read it. Set flink.stateBackend: ${found.backend} and start; change it while ` +
    'the job runs, so that a savepoint can be taken.'
  )
}
