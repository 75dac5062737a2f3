/**
 * Whose turn it is to commit: one commit at a time, ours or that of a client of the REST catalog.
 *
 *   ours     wait while another program is expected to commit (neighbours.ts of the table room)
 *   theirs   only for the commit under way, also while ours wait: that is what they wait for
 *
 * Metrics files that a commit replaces are chosen inside a turn, so that no two choose the same.
 */
import type { Lake } from '../table.ts'
import { type Mutex, openMutex } from './commit-rows.ts'

export type Turns = Readonly<{
  ours: Mutex
  theirs: Mutex
  /** What ours begins with. Does not reject: a commit meets what is wrong by itself. */
  giveWay(): Promise<void>
  /**
   * A client has loaded a table, or is about to do so, and may commit: ours wait from now on.
   * Resolves once none of ours is under way, or takes too long to be waited for.
   */
  expect(): Promise<void>
}>

/** A commit of ours takes a fraction of it; a merge of many files may take longer. */
const UNDER_WAY_MS = 2_000

export function openTurns(
  lake: Pick<Lake, 'expectOthers' | 'giveWay'>,
  pause: (durationMs: number) => Promise<unknown>,
): Turns {
  const exclusively = openMutex()
  return {
    async ours(work) {
      await lake.giveWay()
      return await exclusively(work)
    },
    theirs: exclusively,
    giveWay: () => lake.giveWay().catch(() => {}),
    async expect() {
      lake.expectOthers()
      await Promise.race([exclusively(async () => {}), pause(UNDER_WAY_MS)])
    },
  }
}
