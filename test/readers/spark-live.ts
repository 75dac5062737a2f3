/**
 * Spark beside a process that commits all the time, with the settings and the stream that
 * docs/reading.md gives it, for longer than snapshots live: queries, a stream that is stopped and
 * goes on, a refused INSERT.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { documentedLines, type Site } from '../interop/documented.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { startProduct } from '../support/product.ts'
import { installSpark, sparkEnvironment, sparkOptions } from './spark-install.ts'

type Line = Readonly<{
  what: 'rows' | 'stream' | 'insert'
  /** Since the first query began. */
  seconds: number
  found: unknown
  error: string | null
}>

const PROGRAM = join(import.meta.dirname, 'spark_live.py')
const TABLE = 'lake.campaigns.campaign_events'
const SEND_MS = 500
/** Longer than any snapshot but one a minute stays. */
const QUERY_SECONDS_MIN = 70

/** In words, what was seen; throws when something was not as it should be. */
export async function checkSparkLive(): Promise<string> {
  const folder = await openFolder({ commitInterval: '500ms' })
  const scratch = await mkdtemp(join(tmpdir(), 'spark-live-'))
  const product = await startProduct(folder)
  let isOver = false
  let sent = 0
  const send = async (): Promise<void> => {
    await postAccepted(product.url, eventLine({ event_id: `event-${sent}` }))
    sent += 1
  }
  try {
    // Installs what is missing, which holds this process up for minutes: before anything is sent.
    const run = prepareSpark({ folder, url: product.url }, scratch)
    await send()
    await waitUntilSettled(product.url)
    const sending = (async () => {
      for (; !isOver; await sleep(SEND_MS)) await send()
    })()
    const lines = await run()
    isOver = true
    await sending
    return [queriesIn(lines), streamIn(lines), insertIn(lines)].join('; ')
  } finally {
    isOver = true
    await product.stop()
    await folder.close()
    await rm(scratch, { recursive: true })
  }
}

function queriesIn(lines: readonly Line[]): string {
  const queries = lines.filter(({ what }) => what === 'rows')
  const counts = queries.map(foundIn<number>)
  const seconds = Math.round(queries.at(-1)?.seconds ?? 0)
  assert.ok(seconds >= QUERY_SECONDS_MIN, `queries for ${seconds} s`)
  const standing = counts.filter((count, at) => at > 0 && count <= (counts[at - 1] ?? 0))
  assert.deepEqual(standing, [], `each query sees more: ${counts}`)
  return `${counts.length} queries in ${seconds} s saw ${counts[0]} to ${counts.at(-1)} rows`
}

function streamIn(lines: readonly Line[]): string {
  const runs = lines.filter(({ what }) => what === 'stream').map(foundIn<readonly string[]>)
  const [first = [], second = []] = runs
  const numbers = second.map((id) => Number(id.split('-')[1])).sort((a, b) => a - b)
  const from = numbers[0] ?? 0
  assert.ok(from > 0, 'the first events were in snapshots that have expired')
  const expected = numbers.map((_, at) => from + at)
  assert.deepEqual(numbers, expected, 'no event is missing or there twice')
  assert.ok(first.length > 0 && second.length > first.length, 'the second run goes on')
  return `a stream had events ${from} to ${from + first.length - 1}, later to ${numbers.at(-1)}`
}

function insertIn(lines: readonly Line[]): string {
  const error = lines.find(({ what }) => what === 'insert')?.error
  assert.ok(error, 'an INSERT is refused')
  return `an INSERT was refused: ${error}`
}

/** An error of Spark's ends the check with its words. */
function foundIn<Found>({ what, found, error }: Line): Found {
  assert.equal(error, null, `${what}: ${error}`)
  return found as Found
}

function prepareSpark(site: Site, scratch: string): () => Promise<readonly Line[]> {
  const [shell, stream] = documentedLines('Spark', 'Running', site, 'campaign_events')
  const env = sparkEnvironment(installSpark())
  const given = [...sparkOptions(shell?.text ?? ''), PROGRAM, TABLE, scratch, stream?.text ?? '']
  return () => runProgram(given, { cwd: scratch, env })
}

async function runProgram(
  given: readonly string[],
  options: Readonly<{ cwd: string; env: NodeJS.ProcessEnv }>,
): Promise<readonly Line[]> {
  const child = spawn('spark-submit', given, options)
  let log = ''
  child.stderr.on('data', (text) => {
    log += text
  })
  const lines: Line[] = []
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('FOUND ')) lines.push(JSON.parse(line.slice('FOUND '.length)))
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(code, 0, log.slice(-5_000))
  return lines
}
