/** Plain events for tests that are about something else than the events. */

export type EventFields = Readonly<{
  event_id: string
  user_id?: string
  campaign_id?: string
  event_type?: string
  timestamp?: string
  revenue?: number
}>

/** One event as a line of NDJSON without its end; what is not given is the same for all. */
export function eventLine(fields: EventFields): string {
  return JSON.stringify({
    user_id: 'user',
    campaign_id: 'campaign',
    event_type: 'click',
    timestamp: new Date().toISOString(),
    ...fields,
  })
}

/** `count` events with ids `prefix-0`, `prefix-1`, …; the same call gives the same ids again. */
export function eventLines(
  prefix: string,
  count: number,
  more: Omit<EventFields, 'event_id'> = {},
): readonly string[] {
  return Array.from({ length: count }, (_, at) =>
    eventLine({ event_id: `${prefix}-${at}`, ...more }),
  )
}
