/** DuckDB over the tables of a configuration, for the commands that ask them; beside a running process or without. */

import { existsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../config.ts'
import type { Query } from '../query.ts'
import { CliError } from './cli-error.ts'

/** Of the machine's memory: the pipeline and everybody else need the rest. Past it DuckDB spills. */
const MEMORY_SHARE = 0.25
const MEMORY_MIN_BYTES = 256 * 1024 * 1024
const MEMORY_MAX_BYTES = 4 * 1024 * 1024 * 1024

/** Opens the tables' current state; the caller closes it. */
export async function openLakeSession(config: Config): Promise<Query> {
  requireTables(config)
  const { openQuery } = await import('../query.ts')
  return await openQuery({
    warehouse: config.warehouse,
    catalog: config.catalog,
    cache: config.cache,
    nowMs: () => Date.now(),
    memoryMaxBytes: memoryMaxBytes(),
    threads: availableParallelism(),
    timezone: config.timezone,
  })
}

/** A first user's mistake deserves a better word than that of a missing file. */
export function requireTables(config: Config): void {
  const { catalog } = config
  if (catalog.kind !== 'sqlite' || existsSync(catalog.path)) return
  throw new CliError(
    'input',
    `there are no tables yet: ${catalog.path} does not exist. \`campaign-metrics start\` makes it; ` +
      'if it lies elsewhere, name the configuration with --config',
  )
}

function memoryMaxBytes(): number {
  const share = Math.floor(totalmem() * MEMORY_SHARE)
  return Math.min(MEMORY_MAX_BYTES, Math.max(MEMORY_MIN_BYTES, share))
}
