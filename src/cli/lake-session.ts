/** DuckDB over the tables of a configuration, for the commands that ask them; beside a running process or without. */

import { existsSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import type { Config } from '../config.ts'
import type { LakeFiles, LakeQuery } from '../query.ts'
import { CliError } from './cli-error.ts'

/** Of the machine's memory: the pipeline and everybody else need the rest. Past it DuckDB spills. */
const MEMORY_SHARE = 0.25
const MEMORY_MIN_BYTES = 256 * 1024 * 1024
const MEMORY_MAX_BYTES = 4 * 1024 * 1024 * 1024
const TEMPORARY_MAX_BYTES = 50 * 1024 * 1024 * 1024

/** Opens the tables' current state; the caller closes it. */
export async function openLakeSession(config: Config): Promise<LakeQuery> {
  if (!existsSync(config.catalogPath)) {
    throw new CliError(
      'input',
      `there are no tables yet: ${config.catalogPath} does not exist; \`campaign-metrics start\` makes it, or correct \`catalog\` in the configuration`,
    )
  }
  const { openLakeQuery } = await import('../query.ts')
  return await openLakeQuery({
    readFiles: () => lakeFiles(config),
    memoryMaxBytes: memoryMaxBytes(),
    threads: availableParallelism(),
    timezone: config.timezone,
    temporaryPath: tmpdir(),
    temporaryMaxBytes: TEMPORARY_MAX_BYTES,
  })
}

/** Both tables' files, of one moment. */
async function lakeFiles(config: Config): Promise<LakeFiles> {
  const { readLake } = await import('../table.ts')
  const { events, metrics } = await readLake(config.catalogPath)
  return {
    version: `${events.metadataLocation} ${metrics.metadataLocation}`,
    events: events.files.map(({ path }) => path),
    metrics: metrics.files.map(({ path }) => path),
    folders: [config.warehousePath],
  }
}

function memoryMaxBytes(): number {
  const share = Math.floor(totalmem() * MEMORY_SHARE)
  return Math.min(MEMORY_MAX_BYTES, Math.max(MEMORY_MIN_BYTES, share))
}
