/** A topic that was deleted and made again has another id, whatever its name (F11). */
import { LogError } from '../error.ts'

export function replaced(before: string, now: string): LogError {
  return new LogError(
    'topic-replaced',
    `kafka: the topic was made anew: it was ${before} and is ${now}. What was in the old one is lost unless it is in the ` +
      'tables. To fill the same tables from the new one: campaign-metrics start --new-log',
    { before, now },
  )
}
