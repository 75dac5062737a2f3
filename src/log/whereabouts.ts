/** Whether the log is where its readers and the next start will look for it: the folder, its lock, the segment being written. */
import type { PlaceGuard } from '../runtime.ts'
import { type LogError, misplaced } from './error.ts'
import type { LogFiles } from './files.ts'
import type { Segments } from './segments.ts'

export type Whereabouts = Readonly<{
  /** Looks: a few microseconds. */
  fault(): LogError | null
  close(): void
}>

export function openWhereabouts(
  { guard }: Pick<LogFiles, 'guard'>,
  directory: string,
  lock: Readonly<{ fault(): string | null }>,
  segments: Pick<Segments, 'active'>,
): Whereabouts {
  if (guard === undefined) return { fault: () => null, close() {} }
  const folder = guard(directory, 'the folder')
  let segment: Readonly<{ path: string; guard: PlaceGuard }> | null = null

  /** The one being written changes; its path is that of the file which is open. */
  function segmentFault(): string | null {
    const { path } = segments.active
    if (segment?.path !== path) segment = { path, guard: guard!(path, 'the segment') }
    return segment.guard.fault()
  }

  let isClosed = false
  return {
    fault() {
      if (isClosed) return null
      const fault = folder.fault() ?? lock.fault() ?? segmentFault()
      return fault === null ? null : misplaced(fault)
    },
    close() {
      isClosed = true
      folder.close()
    },
  }
}
