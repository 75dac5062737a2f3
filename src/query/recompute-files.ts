/** Windows recomputed from the table's raw files, for the job: now and then, so DuckDB is opened for it and closed again. */
import { tmpdir } from 'node:os'
import type { WindowKey, WindowSums } from '../event.ts'
import type { DataFile, LocalFiles } from '../table.ts'
import { openDuck } from './duckdb/instance.ts'
import { recomputeWindows } from './recompute.ts'

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30
const DAY_US = 86_400_000_000

/**
 * The exact sums of windows over those of the files that are of their days, in the order of the keys. Throws QueryError, and
 * TableError where files cannot be fetched.
 */
export async function recomputeFromFiles(
  local: LocalFiles,
  files: readonly DataFile[],
  keys: readonly WindowKey[],
  windowUs: number,
): Promise<readonly WindowSums[]> {
  const days = new Set(keys.map((key) => Math.floor(key.windowStartUs / DAY_US)))
  const held = await local.hold(files.filter(({ day }) => days.has(day)).map(({ path }) => path))
  try {
    const duck = await openDuck({
      memoryMaxBytes: MEMORY_MAX_BYTES,
      threads: 1,
      temporaryPath: tmpdir(),
      temporaryMaxBytes: TEMPORARY_MAX_BYTES,
      folders: [local.folder],
      timezone: 'UTC',
      keepsOrder: false,
    })
    try {
      return await recomputeWindows(duck, held.paths, keys, windowUs)
    } finally {
      await duck.close()
    }
  } finally {
    held.release()
  }
}
