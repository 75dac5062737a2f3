/**
 * Looks once a second for what other programs have committed to the tables, also while no event
 * comes. A change of rows is recorded by a commit of ours on top of it, so that the next start
 * knows that it was seen; what cannot be gone on from is reported at once.
 */
import { type Lake, TableError, type TableErrorCode } from '../table.ts'
import type { Mutex } from './commit-rows.ts'

/** What another program did, and has to undo before the job goes on. */
const TO_UNDO: readonly TableErrorCode[] = [
  'set-back',
  'other-layout',
  'other-property',
  'unfit-change',
]

export type OthersWatchParts = Readonly<{
  lake: Pick<Lake, 'follow' | 'commit' | 'events' | 'metrics'>
  exclusively: Mutex
  newId: () => string
  /** Why the job does not go on because of them; null when it does. */
  onStall: (reason: string | null) => void
  /** The tables consist of other files. */
  onChange: () => void
}>

export type OthersWatch = Readonly<{
  /** Does not reject: what fails here fails the next commit too, or passes. */
  look(): Promise<void>
}>

export function openOthersWatch(parts: OthersWatchParts): OthersWatch {
  const { lake, exclusively } = parts
  let looking: Promise<void> | null = null

  const isFresh = (): boolean =>
    [lake.events, lake.metrics].some(({ others }) => others.fresh.length > 0)

  async function record(): Promise<void> {
    if (isFresh()) await lake.commit({ commitId: `others-${parts.newId()}`, summary: {} })
  }

  async function lookNow(): Promise<void> {
    try {
      const isChanged = await lake.follow()
      if (isFresh()) await exclusively(record)
      parts.onStall(null)
      if (isChanged) parts.onChange()
    } catch (error) {
      if (error instanceof TableError && TO_UNDO.includes(error.code)) parts.onStall(error.message)
    }
  }

  return {
    look() {
      looking ??= lookNow().finally(() => {
        looking = null
      })
      return looking
    },
  }
}
