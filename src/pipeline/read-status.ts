/**
 * The status without a running process: from the tables, the log and `rejected/`, changing nothing.
 */
import type { Config } from '../config.ts'
import { namesProblem } from '../dashboard.ts'
import { countRejected } from '../rejected.ts'
import { ENGINES } from './engines.ts'
import { type Status, statusOf } from './status.ts'

export async function readStatus(config: Config, nowUs: number): Promise<Status> {
  const { figures, log, problems = [] } = await ENGINES[config.engine].readProgress(config, nowUs)
  const { campaignNames } = config
  const unnamed = campaignNames === null ? null : await namesProblem(campaignNames)
  return statusOf({
    state: 'stopped',
    figures,
    stalled: null,
    dedupeHorizonMs: config.dedupe.horizonMs,
    log,
    rejectedBefore: (await countRejected(config.rejectedDirectory)) - figures.rejected,
    rejectedCountsOnly: false,
    botsCountsOnly: false,
    outlook: { clockSteps: [], disk: null },
    waitingSinceUs: figures.committedUntilUs ?? nowUs,
    failure: null,
    unreadable: null,
    advancedUs: null,
    noticed: problems,
    remarks: unnamed === null ? [] : [unnamed],
    clicksUnstored: null,
    nowUs,
    rssBytes: null,
  })
}
