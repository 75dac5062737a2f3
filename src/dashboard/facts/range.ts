/** Which stretch of time a question is about: a preset that ends with the window filling now, or two given moments. */

import { RANGES, type RangeId } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { SECOND_US } from './steps.ts'

export type AskedRange = RangeId | TimeSpan

/** Not yet widened to whole steps, but for a preset's end, which is that of the window that holds `nowUs`. */
export function resolveRange(asked: AskedRange, nowUs: number, windowUs: number): TimeSpan {
  if (typeof asked !== 'string') return asked
  const toUs = (Math.floor(nowUs / windowUs) + 1) * windowUs
  return { fromUs: toUs - presetLengthUs(asked), toUs }
}

function presetLengthUs(id: RangeId): number {
  const preset = RANGES.find((range) => range.id === id)
  if (preset === undefined) throw new TypeError(`the definition has no range ${id}`)
  return preset.seconds * SECOND_US
}

/** RFC 3339 in UTC, without a fraction where there is none. */
export function momentText(us: number): string {
  return new Date(us / 1000).toISOString().replace('.000Z', 'Z')
}
