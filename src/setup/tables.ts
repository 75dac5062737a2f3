/**
 * The place of the tables, and the tables: Flink and everybody else find them made, by the one room
 * that knows how.
 */
import type { Config } from '../config.ts'
import {
  fitsWriter,
  type LakeSnapshot,
  makeWarehouse,
  openLake,
  readLake,
  TableError,
} from '../table.ts'
import type { SetupPart, SetupWorld } from './set-up.ts'

const NAME = 'campaigns.campaign_events, campaigns.campaign_metrics'

/** Those in a folder are made by `start`. */
export async function setUpTables(
  config: Config,
  world: SetupWorld,
): Promise<readonly SetupPart[]> {
  const { warehouse, catalog } = config
  if (warehouse.kind === 'folder' && catalog.kind === 'sqlite') return []
  const outcome = await makeWarehouse(warehouse, world.mode === 'look')
  const name = warehouse.kind === 's3' ? warehouse.location : warehouse.path
  const part = warehouse.kind === 's3' ? 'bucket' : 'folder'
  return [{ part, name, outcome, remarks: [] }, await tablesPart(config, world)]
}

async function tablesPart(config: Config, { mode, nowUs }: SetupWorld): Promise<SetupPart> {
  const part = { part: 'tables', name: NAME } as const
  const { warehouse, catalog, cache, windowUs, engine: writer } = config
  const found = await tablesThere(config)
  if (found !== null && fitsWriter(found, writer, windowUs)) {
    return { ...part, outcome: 'found', remarks: [] }
  }
  if (mode === 'look') {
    return { ...part, outcome: found === null ? 'missing' : 'differs', remarks: [] }
  }
  const lake = await openLake({ warehouse, catalog, cache, windowUs, writer, nowUs })
  await lake.close()
  return { ...part, outcome: found === null ? 'made' : 'changed', remarks: [] }
}

async function tablesThere(config: Config): Promise<LakeSnapshot | null> {
  try {
    return await readLake(config)
  } catch (error) {
    if (error instanceof TableError && error.code === 'catalog-missing') return null
    throw error
  }
}
