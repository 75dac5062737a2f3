/** What the collector would answer, by the same engine and rules, without one. */

import { keptFromUs, reasonText } from '../../event.ts'
import type { PostAnswer } from '../post-events.ts'

const US_PER_MS = 1000
const MS_PER_DAY = 86_400_000

/** `retention`: how long the tables keep events; 0 is for ever. */
export async function openDryRun(
  retention: Readonly<{ eventsMs: number; metricsMs: number }>,
  nowMs: () => number,
): Promise<(lines: Uint8Array) => PostAnswer> {
  const { openInspector } = await import('../../engine.ts')
  const inspector = await openInspector()
  const days = [retention.eventsMs / MS_PER_DAY, retention.metricsMs / MS_PER_DAY]
  return (lines) => {
    const nowUs = nowMs() * US_PER_MS
    const inspection = inspector.inspect([lines], 'lines', nowUs, keptFromUs(nowUs, ...days))
    if ('unsplittable' in inspection) return { accepted: 0, rejected: [], rejectedCount: 0 }
    const { count, rejected } = inspection
    return {
      accepted: count - rejected.length,
      rejected: rejected.map(({ index, reason }) => ({ index, reason: reasonText(reason) })),
      rejectedCount: rejected.length,
    }
  }
}
