/** The command that sends a first event, ready to be pasted into a terminal. */

/** One event that is accepted now; its id is new whenever it is asked for. */
export function curlCommand(server: string, isKeyNeeded: boolean, nowMs: number): string {
  const event = {
    event_id: `first-${nowMs}`,
    user_id: 'user-1',
    campaign_id: 'spring-sale',
    event_type: 'impression',
    timestamp: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
  }
  const lines = Object.entries(event).map(([name, value]) => `    "${name}": "${value}"`)
  return [
    `curl ${server}/v1/events \\`,
    ...(isKeyNeeded ? ['  -H "Authorization: Bearer $WRITE_KEY" \\'] : []),
    `  -H "Content-Type: application/json" \\`,
    `  -d '{\n${lines.join(',\n')}\n  }'`,
  ].join('\n')
}
