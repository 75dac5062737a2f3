/**
 * The catalog in PostgreSQL. Its server may be far away, so every wait has a limit. The server soon
 * ends a session that was left in the middle of a transaction (a stopped process, a broken
 * network): only then can a read-back know the outcome.
 */
import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import { hostname } from 'node:os'
import pg from 'pg'
import { systemCode } from '../../runtime.ts'
import { TableError } from '../error.ts'
import { catalogText, type PostgresqlPlace } from '../location.ts'
import { type CatalogConnection, LAYOUT } from './database.ts'
import { poolingFault } from './pooling.ts'

const CONNECT_TIMEOUT_MS = 5_000
const SESSION_LIMITS_MS = {
  /** Transactions here take milliseconds; one that is idle for so long was abandoned. */
  idle_in_transaction_session_timeout: 10_000,
  /** Longer than an abandoned transaction lasts: whoever waits for its rows gets them in the end. */
  lock_timeout: 20_000,
  statement_timeout: 25_000,
} as const
/** For an answer, once the server's own limits have passed. */
const ANSWER_TIMEOUT_MS = 30_000

const UNDEFINED_TABLE = '42P01'
/** Two sessions that make the same table at once: one of them finds the other's. */
const MADE_MEANWHILE: ReadonlySet<string | null> = new Set(['23505', '42P07', '42701', '42710'])

/** Makes the layout where it is missing. */
export async function openPostgresql(place: PostgresqlPlace): Promise<CatalogConnection> {
  const session = await openSession(place)
  const connection = connectionOf(session, place)
  try {
    await makeLayout(connection)
    // A server may be set to answer before a transaction is on its disk; the log would then be
    // trimmed too soon.
    await connection.run(
      `SELECT set_config('synchronous_commit', 'on', false)
       WHERE current_setting('synchronous_commit') = 'off'`,
    )
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** One SELECT needs no session that is kept: a reader may go through a pooler of any kind. */
export async function openPostgresqlReader(place: PostgresqlPlace): Promise<CatalogConnection> {
  return connectionOf(await connect(place), place)
}

function connectionOf(session: Session, place: PostgresqlPlace): CatalogConnection {
  return {
    name: catalogText(place),
    begin: 'BEGIN',
    forUpdate: ' FOR UPDATE',
    async run(sql, values = []) {
      const { rows, rowCount } = await session.client.query(numbered(sql), [...values])
      return { rows, changes: rowCount ?? 0 }
    },
    fault: () => null,
    close: session.close,
  }
}

export function isWithoutLayout(error: unknown): boolean {
  return systemCode(error) === UNDEFINED_TABLE
}

export type SessionLock = Readonly<{
  /** Whether the lock's session is open; if it is not, another process may have the lock. */
  isHeld(): boolean
  release(): Promise<void>
}>

/**
 * Who has the lock already, for messages. `isOwn`: a session of this process that the server has
 * not ended yet.
 */
export type LockHolder = Readonly<{ holder: string; isOwn: boolean }>

/**
 * One writer for each catalog: the server releases the lock when the session ends, however it ends.
 * The lock has a session of its own, so that a commit that fails and reconnects does not release
 * it.
 */
export async function takeWriterLock(
  place: PostgresqlPlace,
  what: string,
): Promise<SessionLock | LockHolder> {
  const session = await openSession(place)
  try {
    const key = createHash('sha256').update(what).digest().readBigInt64BE(0)
    const taken = await session.client.query('SELECT pg_try_advisory_lock($1) AS taken', [
      String(key),
    ])
    if (taken.rows[0]?.taken === true) {
      return { isHeld: session.isOpen, release: session.close }
    }
    const found = await session.client.query(HOLDER, [String(key)])
    await session.close()
    const holder = String(found.rows[0]?.holder ?? 'one that has just ended')
    return { holder, isOwn: found.rows.length === 0 || holder.startsWith(`${sessionName()},`) }
  } catch (error) {
    await session.close()
    throw error
  }
}

/** A lock on a 64-bit key is listed by its two halves, and only counts in its own database. */
const HOLDER = `SELECT application_name || ', server process ' || l.pid
    || coalesce(' from ' || host(client_addr), '') AS holder
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint`

/**
 * Distinguishes processes, also those in containers, which all have the same number. PostgreSQL
 * cuts it at 63 bytes.
 */
function sessionName(): string {
  return `campaign-metrics ${process.pid} on ${hostname()}`.slice(0, 63)
}

/**
 * For a writer: a session that the server keeps, with the limits of its waits. They are set here and
 * not at the start of the connection, where poolers refuse them. Throws TableError `catalog-pooled`,
 * with nothing left behind in the pool.
 */
async function openSession(place: PostgresqlPlace): Promise<Session> {
  const session = await connect(place)
  const others: Session[] = []
  try {
    const reason = await poolingFault(session.client, async () => {
      const other = await connect(place)
      others.push(other)
      return other.client
    })
    if (reason !== null) {
      throw new TableError('catalog-pooled', { catalog: catalogText(place), reason })
    }
    await session.client.query(
      Object.entries(SESSION_LIMITS_MS)
        .map(([name, ms]) => `SET ${name} = ${ms}`)
        .join(';'),
    )
    return session
  } catch (error) {
    await session.close()
    throw error
  } finally {
    for (const other of others) await other.close()
  }
}

type Session = Readonly<{ client: pg.Client; isOpen(): boolean; close(): Promise<void> }>

async function connect(place: PostgresqlPlace): Promise<Session> {
  const socket = new Socket()
  const client = new pg.Client({
    host: place.host,
    port: place.port,
    database: place.database,
    user: place.user,
    ...(place.password !== null && { password: place.password }),
    ssl: place.tls,
    stream: () => socket,
    keepAlive: true,
    application_name: sessionName(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  })
  let isOpen = true
  const lost = (): void => {
    isOpen = false
  }
  // Without a listener, a connection that breaks between two queries would end the process.
  client.on('error', lost)
  client.on('end', lost)
  const close = async (): Promise<void> => {
    if (isOpen) await Promise.race([client.end().catch(() => {}), ended(socket)])
    isOpen = false
    socket.destroy()
  }
  try {
    await client.connect()
  } catch (error) {
    isOpen = false
    socket.destroy()
    throw error
  }
  return { client, isOpen: () => isOpen, close }
}

/** For a server that does not answer. */
const CLOSE_TIMEOUT_MS = 1_000

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

async function makeLayout(connection: CatalogConnection): Promise<void> {
  const { rows } = await connection.run(
    `SELECT column_name FROM information_schema.columns
     WHERE table_name = 'iceberg_tables' AND table_schema = ANY (current_schemas(false))`,
  )
  const columns = rows.map((row) => row.column_name)
  // A catalog of the first schema version lacks the column; current readers would add it.
  const add = 'ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)'
  const missing = columns.length > 0 && !columns.includes('iceberg_type') ? [add] : []
  const statements = LAYOUT.split(';').filter((statement) => statement.trim() !== '')
  for (const statement of [...(columns.length === 0 ? statements : []), ...missing]) {
    await connection.run(statement).catch((error: unknown) => {
      if (!MADE_MEANWHILE.has(systemCode(error))) throw error
    })
  }
}

/** PostgreSQL writes `?` as `$1`, `$2`, … */
function numbered(sql: string): string {
  let count = 0
  return sql.replaceAll('?', () => `$${++count}`)
}
