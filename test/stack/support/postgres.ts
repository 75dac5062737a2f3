/** PostgreSQL as its owner sees it: databases for tests, and the rows of the catalog. */
import { Client } from 'pg'
import type { Stack } from '../../../deploy/stack/stack.ts'

export type Row = Readonly<Record<string, unknown>>

/** Runs one statement as the superuser. */
export async function runSql(
  stack: Stack,
  database: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const [host, port] = stack.address('postgres').split(':')
  const client = new Client({
    host,
    port: Number(port),
    database,
    user: 'postgres',
    password: stack.values.POSTGRES_PASSWORD,
  })
  // A server that is killed breaks the connection; the statement's own error says so.
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(statement, [...values])).rows as Row[]
  } finally {
    await client.end()
  }
}

/** A database of its own, which the catalog's user owns. */
export async function makeDatabase(stack: Stack, name: string): Promise<void> {
  await runSql(stack, 'postgres', `CREATE DATABASE "${name}" OWNER iceberg`)
}

export async function dropDatabase(stack: Stack, name: string): Promise<void> {
  await runSql(stack, 'postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
}

export function catalogUrl(stack: Stack, database: string, address?: string): string {
  const place = address ?? stack.address('postgres')
  return `postgresql://iceberg:${stack.values.ICEBERG_PASSWORD}@${place}/${database}`
}
