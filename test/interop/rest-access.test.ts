/**
 * PyIceberg and DuckDB open the REST catalog of the product in the ways that clients are
 * configured: with keys and without, with a right and a wrong warehouse, and in a folder whose name
 * some readers take for an escaped one.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { get, postAccepted } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const READ = 'read-key-0123456789'
const WRITE = 'write-key-0123456789'
const LIMITS = { timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }

/** A product in a folder below `name`, with one stored event, for as long as the test runs. */
async function openProduct(
  t: { after(close: () => Promise<unknown>): void },
  name: string,
  keys: Readonly<Record<string, readonly string[]>>,
) {
  const parent = await mkdtemp(join(tmpdir(), name))
  const folder = await openFolder({ keys }, parent)
  const product = await startProduct(folder)
  t.after(async () => {
    await product.stop()
    await rm(parent, { recursive: true, force: true })
  })
  const headers = (key: string) => ({ authorization: `Bearer ${key}` })
  const event = eventLine({ event_id: 'one', campaign_id: 'spring' })
  await postAccepted(product.url, event, { headers: headers(WRITE) })
  await until(async () => {
    const { text } = await get(product.url, '/v1/status', headers(READ))
    return JSON.parse(text).ledger.stored === 1
  })
  return { folder, product }
}

test('clients with a read key read, also from a folder named like an escape; others are told why', {
  skip,
}, async (t) => {
  const { folder, product } = await openProduct(t, 'a%41 b+ü-', { write: [WRITE], read: [READ] })
  const script = join(import.meta.dirname, 'rest_access.py')
  const endpoint = `${product.url}/iceberg`
  const given = [script, endpoint, READ, WRITE, folder.catalogPath]
  const { stdout } = await promisify(execFile)(python ?? '', given, LIMITS)
  const { pyiceberg, duckdb } = JSON.parse(stdout)
  for (const way of ['token', 'secret', 'id and secret', 'oauth2', 'refs', 'warehouse']) {
    assert.equal(pyiceberg[way], 1, way)
  }
  assert.match(pyiceberg['wrong secret'], /^OAuthError: invalid_client: .*keys\.read/)
  assert.match(pyiceberg['write key'], /^OAuthError: unauthorized_client: this is a write key/)
  assert.match(pyiceberg['wrong token'], /^UnauthorizedError: NotAuthorizedException: /)
  assert.match(pyiceberg['wrong warehouse'], /NoSuchWarehouseException: .*nope.*warehouse=lake/)
  assert.equal(pyiceberg.snapshots, true)
  assert.deepEqual([pyiceberg.views, pyiceberg.view, pyiceberg.nested], [[], false, false])
  assert.match(pyiceberg['unknown namespace'], /^NoSuchTableError/)
  assert.match(pyiceberg['unknown listing'], /^NoSuchNamespaceError/)
  assert.equal(pyiceberg.stopped, 1)

  assert.deepEqual([duckdb.token, duckdb.secret, duckdb['metadata file']], [1, 1, 1])
  assert.match(duckdb['wrong secret'], /invalid_client/)
  assert.match(duckdb['wrong warehouse'], /404/)
})
