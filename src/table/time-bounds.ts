/** What a data file's column bounds say of its times: no file is read. */
import { longOf } from './bounds.ts'
import type { DataFile } from './data-file.ts'
import { EVENTS_SCHEMA, fieldNamed, METRICS_SCHEMA } from './schema.ts'

/** First and last moment of a column; infinite where the file does not say. */
export type TimeBounds = Readonly<{ firstUs: number; lastUs: number }>

/** Of the events in a file of campaign_events. */
export const eventTimes: (file: DataFile) => TimeBounds = boundsOfColumn(
  fieldNamed(EVENTS_SCHEMA, 'timestamp').id,
)
/** Starts of the windows in a file of campaign_metrics. */
export const windowStarts: (file: DataFile) => TimeBounds = boundsOfColumn(
  fieldNamed(METRICS_SCHEMA, 'window_start').id,
)

function boundsOfColumn(field: number): (file: DataFile) => TimeBounds {
  return ({ lowerBounds, upperBounds }) => {
    const lower = lowerBounds.get(field)
    const upper = upperBounds.get(field)
    return {
      firstUs: lower === undefined ? Number.NEGATIVE_INFINITY : Number(longOf(lower)),
      lastUs: upper === undefined ? Number.POSITIVE_INFINITY : Number(longOf(upper)),
    }
  }
}
