/**
 * The tables of a configuration, for the commands that ask them: through Trino where one is named,
 * else through DuckDB; beside a running process or without.
 */

import { existsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config, TrinoConfig } from '../config.ts'
import type { Query, Verification, VerifyOptions } from '../query.ts'
import { CliError } from './error.ts'

/**
 * Of the machine's memory; the pipeline and other programs need the rest. Past it DuckDB spills.
 */
const MEMORY_SHARE = 0.25
const MEMORY_MIN_BYTES = 256 * 1024 * 1024
const MEMORY_MAX_BYTES = 4 * 1024 * 1024 * 1024

export type LakeSession = Pick<Query, 'runSql' | 'close'> &
  Readonly<{ verify(options: Omit<VerifyOptions, 'windowUs'>): Promise<Verification> }>

/** Opens the tables' current state; the caller closes it. */
export async function openLakeSession(config: Config): Promise<LakeSession> {
  requireTables(config)
  const { trino } = config
  return trino === null ? await openDuckSession(config) : await openTrinoSession(config, trino)
}

async function openDuckSession(config: Config): Promise<LakeSession> {
  const { windowUs } = config
  const { openQuery } = await import('../query.ts')
  const query = await openQuery({
    warehouse: config.warehouse,
    catalog: config.catalog,
    cache: config.cache,
    nowMs: () => Date.now(),
    memoryMaxBytes: memoryMaxBytes(),
    threads: availableParallelism(),
    timezone: config.timezone,
  })
  return {
    runSql: query.runSql,
    verify: (options) => query.verify({ ...options, windowUs }),
    close: query.close,
  }
}

async function openTrinoSession(config: Config, trino: TrinoConfig): Promise<LakeSession> {
  const { windowUs, engine } = config
  const [{ openTrinoQuery }, { readLake }] = await Promise.all([
    import('../query.ts'),
    import('../table.ts'),
  ])
  const query = openTrinoQuery({ ...trino, windowUs })
  const checkTables = (): Promise<void> => query.checkTables(() => readLake(config))
  return {
    async runSql(sql) {
      await checkTables()
      return await query.runSql(sql)
    },
    async verify(options) {
      await checkTables()
      const { ENGINES } = await import('../pipeline.ts')
      const found = await ENGINES[engine].verify({
        ...options,
        readTables: () => readLake(config),
        verify: query.verify,
        windowUs,
        pause: sleep,
      })
      if (found !== null) return found
      throw new CliError('input', 'the tables are empty: there is nothing to verify yet')
    },
    close: async () => {},
  }
}

/** Tells a first user more than that a file is missing. */
export function requireTables(config: Config): void {
  const { catalog } = config
  if (catalog.kind !== 'sqlite' || existsSync(catalog.path)) return
  throw new CliError(
    'input',
    `there are no tables yet: ${catalog.path} does not exist. \`campaign-metrics ` +
      'start` makes it; if it lies elsewhere, name the configuration with --config',
  )
}

function memoryMaxBytes(): number {
  const share = Math.floor(totalmem() * MEMORY_SHARE)
  return Math.min(MEMORY_MAX_BYTES, Math.max(MEMORY_MIN_BYTES, share))
}
