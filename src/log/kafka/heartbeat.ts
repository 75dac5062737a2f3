/**
 * A heartbeat: a record that moves the clock of whoever goes by the topic's times, and is no event.
 * It is written while nothing else comes, so that Flink's last windows close.
 *
 *   value   {"event_type":"campaign-metrics/heartbeat"}
 *
 * It is JSON, since Flink takes the time only from what its format can read. It has no event_id, so
 * it can never be an event, and a program that does not know it rejects it. The collector writes no
 * such record: what it takes has an id.
 */

export const HEARTBEAT_TYPE = 'campaign-metrics/heartbeat'

export const HEARTBEAT_VALUE: Buffer = Buffer.from(JSON.stringify({ event_type: HEARTBEAT_TYPE }))

/** Whether the value `bytes[start, end)` is that of a heartbeat. */
export function isHeartbeat(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start === HEARTBEAT_VALUE.length &&
    bytes.compare(HEARTBEAT_VALUE, 0, HEARTBEAT_VALUE.length, start, end) === 0
  )
}
