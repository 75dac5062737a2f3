/** The life of the process: who may end it, who may not, and what it leaves behind. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { runCommand } from '../support/product.ts'
import { whileRunning } from '../support/settled.ts'
import { until } from '../support/until.ts'

const LAUNCHER = join(import.meta.dirname, '../../bin/campaign-metrics.js')
const WAIT_LIMIT_MS = 30_000
/** Node itself catches SIGTERM early, to restore the terminal; SIGHUP it leaves to the program. */
const SIGHUP_BIT = 1n
/** What the launcher sees of its world, changed before it runs. */
const PRETEND_NODE_20 =
  'data:text/javascript,Object.defineProperty(process, "versions", { value: { ' +
  '...process.versions, node: "20.0.0" } })'
const PRETEND_WINDOWS =
  'data:text/javascript,Object.defineProperty(process, "platform", { value: "win32" })'

type Launched = Readonly<{
  folder: Folder
  url: string
  child: ChildProcess
  /** Both streams, as far as they are read. */
  output: () => string
  ended: Promise<number | NodeJS.Signals>
}>

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `start` by the launcher, on a port that is known without reading what it prints. */
async function launch(
  t: TestContext,
  { node = [], reads = true }: Readonly<{ node?: readonly string[]; reads?: boolean }> = {},
): Promise<Launched> {
  const port = await freePort()
  const folder = await openFolder({ listen: `127.0.0.1:${port}` })
  t.after(() => folder.close())
  const words = [...node, LAUNCHER, 'start', '--demo', '50', '--config', folder.configPath]
  const child = spawn(process.execPath, words, {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    if (reads) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    else stream.destroy()
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 0)),
  )
  t.after(() => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/healthz`)).ok)
  return { folder, url, child, output: () => output, ended }
}

async function countStored(folder: Folder): Promise<number> {
  const sql = "select count(*) as n from campaign_events where event_id like 'life%'"
  const query = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(query.exit.code, 0, query.stderr)
  return JSON.parse(query.stdout)[0].n
}

test('start goes on when the readers of both outputs have left, with demo traffic', async (t) => {
  const { url, child, folder, ended } = await launch(t, { reads: false })
  await postAccepted(url, eventLines('life', 10).join('\n'))
  // Its last words fail as its first ones did.
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
  assert.equal(await countStored(folder), 10)
})

test('start goes on when its outputs are files on a full disk', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here')
  const port = await freePort()
  const folder = await openFolder({ listen: `127.0.0.1:${port}` })
  t.after(() => folder.close())
  const full = openSync('/dev/full', 'w')
  const words = [LAUNCHER, 'start', '--config', folder.configPath]
  const child = spawn(process.execPath, words, { stdio: ['ignore', full, full] })
  t.after(() => child.kill('SIGKILL'))
  await until(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok)
})

test('without a reader query ends quietly, verify answers; a failing write is named', async (t) => {
  const folder = await openFolder()
  t.after(() => folder.close())
  await whileRunning(folder, async ({ url }) => {
    for (const prefix of ['first', 'second']) {
      await postAccepted(url, eventLines(prefix, 10).join('\n'))
      await waitUntilSettled(url)
    }
  })
  const shell = (script: string) =>
    spawnSync('bash', ['-c', script, 'bash', process.execPath, LAUNCHER, folder.configPath], {
      encoding: 'utf8',
      cwd: folder.path,
    })
  const many = '"select * from range(3000000)"'
  const left = shell(`"$1" "$2" query ${many} --config "$3" | head -1; exit \${PIPESTATUS[0]}`)
  assert.deepEqual([left.status, left.stdout, left.stderr], [0, 'range\n', ''])
  if (existsSync('/dev/full')) {
    const full = shell(`"$1" "$2" query ${many} --config "$3" > /dev/full`)
    assert.deepEqual([full.status, full.stderr.split('\n').length], [4, 2], full.stderr)
    assert.match(full.stderr, /^campaign-metrics: ENOSPC/)
  }
  // The metrics table as it was one commit ago: the negative answer must not be lost with its
  // reader.
  const catalog = new DatabaseSync(folder.catalogPath)
  catalog.exec(
    'UPDATE iceberg_tables SET metadata_location = previous_metadata_location WHERE table_name ' +
      "= 'campaign_metrics'",
  )
  catalog.close()
  const verify = shell(`"$1" "$2" verify --config "$3" | true; exit \${PIPESTATUS[0]}`)
  assert.equal(verify.status, 1, verify.stderr)
})

test('SIGTERM ends process 1 of a container at once, before it has made anything', async (t) => {
  if (spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status !== 0) {
    return t.skip('no namespace of processes can be made here (unshare, as root on Linux)')
  }
  const folder = await openFolder()
  t.after(() => folder.close())
  const inside = [process.execPath, LAUNCHER, 'start', '--config', folder.configPath]
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', ...inside])
  t.after(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.on('exit', resolve))
  let first = 0
  await until(() => {
    first = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
    const caught = /^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${first}/status`, 'utf8'))?.[1]
    return (BigInt(`0x${caught}`) & SIGHUP_BIT) !== 0n
  })
  process.kill(first, 'SIGTERM')
  assert.equal(
    await Promise.race([ended, sleep(WAIT_LIMIT_MS, 'goes on', { ref: false })]),
    128 + 15,
  )
  assert.ok(!existsSync(join(folder.path, 'data')))
})

test('kill -9 of the launcher ends its runtime in order: port free, nothing lost', async (t) => {
  const { url, child, output, folder } = await launch(t, { node: ['--import', PRETEND_NODE_20] })
  await postAccepted(url, eventLines('life', 10).join('\n'))
  child.kill('SIGKILL')
  await until(() => /Stopped in .*; all accepted events are in the tables\./.test(output()))
  await until(() =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  )
  assert.equal(await countStored(folder), 10)
})

test('signals to the launcher reach its runtime, and the exit code comes back', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const { child, ended } = await launch(t, { node: ['--import', PRETEND_NODE_20] })
    child.kill(signal)
    assert.equal(await ended, 0, signal)
  }
})

test('a channel of a process manager may close: only that of the launcher counts', async (t) => {
  const port = await freePort()
  const folder = await openFolder({ listen: `127.0.0.1:${port}` })
  t.after(() => folder.close())
  const words = [LAUNCHER, 'start', '--config', folder.configPath]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  const isUp = async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok
  await until(isUp)
  child.disconnect()
  const ended = new Promise((resolve) => child.on('exit', resolve))
  assert.equal(await Promise.race([ended, sleep(1000, 'goes on')]), 'goes on')
  assert.ok(await isUp())
})

test('on Windows the launcher says what is supported', () => {
  const run = spawnSync(process.execPath, ['--import', PRETEND_WINDOWS, LAUNCHER, 'start'], {
    encoding: 'utf8',
  })
  assert.equal(run.status, 2)
  assert.match(run.stderr, /^campaign-metrics: Windows is supported through WSL only.*\n$/)
})
