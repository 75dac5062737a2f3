/**
 * The windows of a stretch of time in which the metrics files do not say what the raw files say.
 * One instance for many stretches.
 */
import type { TimeSpan } from '../../event.ts'
import type { DataFile, LocalFiles } from '../../table.ts'
import { type DifferingWindow, differingWindows } from '../differing-windows.ts'
import { DUCKDB } from './dialect.ts'
import { type DuckLimits, openDuck } from './instance.ts'
import { withPort } from './port.ts'

export type FilesOfBoth = Readonly<{ events: readonly DataFile[]; metrics: readonly DataFile[] }>

export type WindowCheck = Readonly<{
  /**
   * `span` is of whole windows, and the files hold all of its rows. Throws QueryError, and
   * TableError where files cannot be fetched.
   */
  differing(files: FilesOfBoth, span: TimeSpan): Promise<readonly DifferingWindow[]>
  close(): Promise<void>
}>

export async function openWindowCheck(
  local: LocalFiles,
  windowUs: number,
  limits: DuckLimits = {},
): Promise<WindowCheck> {
  const duck = await openDuck({ ...limits, folders: [local.folder] })
  return {
    async differing({ events, metrics }, span) {
      const held = await local.hold([...events, ...metrics].map(({ path }) => path))
      const tables = {
        events: held.paths.slice(0, events.length),
        metrics: held.paths.slice(events.length),
      }
      const options = { windowUs, spans: [span], limit: Number.MAX_SAFE_INTEGER }
      try {
        return await withPort(duck, (port) => differingWindows(port, DUCKDB, tables, options))
      } finally {
        held.release()
      }
    },
    close: () => duck.close(),
  }
}
