/** Upkeep of a lake without its job, with nothing in its way; a test says what is otherwise. */
import { randomUUID } from 'node:crypto'
import { mergeEventFiles } from '../../src/query.ts'
import {
  type Lake,
  type Maintenance,
  type MaintenanceOptions,
  openMaintenance,
} from '../../src/table.ts'

export function openUpkeep(
  lake: Lake,
  parts: Partial<MaintenanceOptions> & Pick<MaintenanceOptions, 'nowUs'>,
): Maintenance {
  return openMaintenance({
    lake,
    mergeEventFiles,
    exclusively: (work) => work(),
    horizonUs: 3_600_000_000,
    retentionDays: { events: 0, metrics: 0 },
    steadyMs: () => parts.nowUs() / 1000,
    dedupeNowUs: parts.nowUs,
    logProgress: () => ({ ends: [], taken: [] }),
    newId: randomUUID,
    pause: async () => {},
    isBusy: () => false,
    onTask: () => {},
    onWarning: () => {},
    ...parts,
  })
}
