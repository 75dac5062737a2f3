/**
 * The catalog behind a real PgBouncer: where it keeps sessions the writer's lock holds, and where it
 * does not, a writer is refused before it leaves anything in the pool (F39).
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { runAs } from '../../deploy/stack/recorded-process.ts'
import { runTool } from '../../deploy/stack/tools.ts'
import { openCatalog, openWriterLock, readCatalog } from '../../src/table/catalog.ts'
import { until } from '../support/until.ts'
import { type LakeServices, openLakeServices, type RemotePlaces } from './support/lake-services.ts'

const PGBOUNCER = '/usr/sbin/pgbouncer'
const IS_ROOT = process.getuid?.() === 0
const ADVISORY_LOCKS = "SELECT count(*)::int AS held FROM pg_locks WHERE locktype = 'advisory'"

let services: LakeServices
before(async () => {
  if (!existsSync(PGBOUNCER)) installPgBouncer()
  services = await openLakeServices()
})
after(() => services.close())

function installPgBouncer(): void {
  if (!IS_ROOT) throw new Error('install PgBouncer (Debian: apt-get install pgbouncer)')
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  runTool('apt-get', ['--quiet', 'update'], { environment })
  const words = ['--quiet', 'install', '--yes', '--no-install-recommends', 'pgbouncer']
  runTool('apt-get', words, { environment })
}

/** The catalog of a database of its own through PgBouncer with these settings. */
async function behindPgBouncer(
  t: TestContext,
  settings: Readonly<Record<string, string | number>>,
): Promise<RemotePlaces['catalog']> {
  const { catalog } = await services.places()
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'))
  const file = join(folder, 'pgbouncer.ini')
  const lines = Object.entries({
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    ...settings,
  }).map(([key, value]) => `${key} = ${value}`)
  const server =
    `* = host=127.0.0.1 port=${catalog.port} user=${catalog.user} ` +
    `password='${catalog.password}'`
  await writeFile(file, ['[databases]', server, '[pgbouncer]', ...lines, ''].join('\n'))
  await chmod(folder, 0o755)
  const [command = '', ...words] = [
    ...runAs(IS_ROOT ? 'nobody' : undefined, true),
    ...[PGBOUNCER, file],
  ]
  const child: ChildProcess = spawn(command, words, { stdio: 'ignore' })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  })
  await until(() => listens(port))
  return { ...catalog, port, password: null }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  server.close()
  await once(server, 'close')
  return address.port
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

for (const settings of [
  { pool_mode: 'transaction' },
  { pool_mode: 'transaction', server_round_robin: 1 },
  { pool_mode: 'transaction', default_pool_size: 1 },
  { pool_mode: 'statement' },
]) {
  const words = Object.entries(settings).map(([key, value]) => `${key} ${value}`)
  test(`a pooler that does not keep sessions is refused: ${words.join(', ')}`, async (t) => {
    const place = await behindPgBouncer(t, settings)
    const refused = {
      code: 'catalog-pooled',
      message: /behind a connection pooler that does not keep sessions .*pool_mode = session/,
    }
    for (let start = 0; start < 3; start++) await assert.rejects(openWriterLock(place), refused)
    await assert.rejects(openCatalog(place), refused)
    const left = await services.sql(place.database, ADVISORY_LOCKS)
    assert.deepEqual(left, [{ held: 0 }], 'nothing of it stays in the pool')
    await assert.rejects(readCatalog(place), { code: 'catalog-missing' }, 'a reader needs none')
  })
}

test('a pooler that keeps sessions is used; a second writer is refused as without it', async (t) => {
  const place = await behindPgBouncer(t, { pool_mode: 'session' })
  const lock = await openWriterLock(place)
  const catalog = await openCatalog(place)
  assert.equal(await catalog.read(), null)
  await assert.rejects(openWriterLock(place), {
    code: 'locked',
    message: new RegExp(`campaign-metrics ${process.pid} on `),
  })
  await catalog.close()
  await lock.release()
  await (await openWriterLock(place)).release()
})

test('the holder that is named has the lock in this database, not in another one', async (t) => {
  const here = services.catalog((await services.places()).catalog.database)
  const elsewhere = services.catalog((await services.places()).catalog.database)
  const lock = createHash('sha256').update('campaign-metrics writer of lake.campaigns').digest()
  for (const { database } of [elsewhere, here]) {
    const client = await services.connect(database, `holder in ${database}`)
    t.after(() => client.end())
    await client.query('SELECT pg_advisory_lock($1)', [String(lock.readBigInt64BE(0))])
  }
  for (const place of [elsewhere, here]) {
    await assert.rejects(openWriterLock(place), {
      code: 'locked',
      message: new RegExp(`holder in ${place.database}, server process`),
    })
  }
})
