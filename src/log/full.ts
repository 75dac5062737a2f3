/** Why the log takes nothing more for now: each reason ends by itself. */
import { LogError, type LogErrorFacts } from './error.ts'

const REMEDIES = {
  bytesMax:
    'The tables lag behind the log: it goes on when they catch up; or raise its budget (`logRetention.size`).',
  diskReserveBytes:
    'It goes on when the disk has room again; or lower the reserve (`diskReserve`).',
  openFiles: 'It goes on when files can be opened again; or raise their limit (`ulimit -n`).',
  disk: 'It goes on when the disk, or the quota on it, has room again.',
} as const

export type Limit = keyof typeof REMEDIES

export function fullError(
  limit: Limit,
  what: string,
  facts: LogErrorFacts,
  cause?: unknown,
): LogError {
  return new LogError('full', `log full: ${what}. ${REMEDIES[limit]}`, { limit, ...facts }, cause)
}

export function isFull(error: unknown, limit?: Limit): error is LogError {
  if (!(error instanceof LogError) || error.code !== 'full') return false
  return limit === undefined || error.facts.limit === limit
}
