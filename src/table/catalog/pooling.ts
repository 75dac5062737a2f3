/**
 * Whether a session of PostgreSQL stays one: behind a pooler such as PgBouncer in transaction mode
 * each transaction may run in another session of the server. A session lock taken there is held by
 * a session of the pool: a second process may be given the same one, and the lock stays when its
 * process has ended.
 *
 * A pooler is known by the process number that it gives to its clients, which is not that of the
 * server's process. Where there is one, two sessions hold transactions at the same time, and end
 * them in one order and then in the other: a pooler that does not keep sessions then gives what one
 * had to the other.
 */
import type pg from 'pg'
import { reasonOf } from '../../runtime.ts'

export type Client = Pick<pg.Client, 'query'>

/** PgBouncer gives what was given back last, or first; others may draw from the same pool. */
const ROUNDS = 8
/** For a session that waits for a connection of the pool, which another of them holds. */
const ANSWER_MS = 3_000

/** Process number of the server's session, for a statement of its own or in a transaction. */
export async function serverProcess(client: Client): Promise<number> {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  return Number(rows[0]?.pid)
}

/**
 * Why the sessions are not kept; null where they are. `openOther` opens a second session, which the
 * caller closes.
 */
export async function poolingFault(
  client: Client & Readonly<{ processID?: number | null }>,
  openOther: () => Promise<Client>,
): Promise<string | null> {
  const first = await serverProcess(client)
  if (client.processID === first) return null
  const other = await openOther()
  for (let round = 0; round < ROUNDS; round++) {
    const fault = await tryRound(client, other, first, round)
    if (fault !== null) return fault
  }
  return null
}

async function tryRound(
  client: Client,
  other: Client,
  first: number,
  round: number,
): Promise<string | null> {
  const sessions = [client, other]
  try {
    for (const each of sessions) {
      const pid = await answered(begin(each))
      if (pid === null) return 'a session waits for the connection that another one holds'
      const isMoved = each === client ? pid !== first : pid === first
      if (isMoved) return `process ${first} of the server serves more than one session`
    }
    return null
  } catch (error) {
    return reasonOf(error)
  } finally {
    // The one that is given back last is the next one of a stack, or the last one of a queue.
    const ending = round % 2 === 0 ? sessions : sessions.toReversed()
    for (const each of ending) await answered(each.query('ROLLBACK').catch(() => {}))
  }
}

async function begin(client: Client): Promise<number> {
  await client.query('BEGIN')
  return await serverProcess(client)
}

async function answered<T>(asking: Promise<T>): Promise<T | null> {
  // What comes later, or fails later, is of no use.
  asking.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ANSWER_MS)
  })
  try {
    return await Promise.race([asking, late])
  } finally {
    clearTimeout(timer)
  }
}
