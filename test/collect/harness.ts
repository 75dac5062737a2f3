/**
 * A collector on a free port with what it stands on: the real inspector, log and store of rejected
 * events. `disk` is the real disk under the log, made slow, full or broken on purpose.
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Collector,
  type CollectorOptions,
  type CollectorStatus,
  startCollector,
} from '../../src/collect.ts'
import { openInspector } from '../../src/engine.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import {
  diskFiles,
  type Log,
  type LogFiles,
  type LogOptions,
  openLog,
  openLogReader,
} from '../../src/log.ts'
import { type Meter, openMeter, type Readings } from '../../src/meter.ts'
import {
  type KeptEvent,
  listRejected,
  openRejectedShares,
  type RejectedShares,
} from '../../src/rejected.ts'

/** 2026-11-22T10:00:00Z: the arrival time of everything in these tests. */
export const ARRIVAL_US = 1_795_341_600_000_000

/** What a person's browser calls itself; `fetch` of Node is known as a bot. */
export const PERSON: Readonly<Record<string, string>> = {
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 ' +
    'Safari/537.36',
}
export const CRAWLER: Readonly<Record<string, string>> = {
  'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
}

export type Harness = {
  readonly url: string
  readonly port: number
  readonly collector: Collector
  readonly meter: Meter
  readonly rejected: RejectedShares
  readonly directory: string
  readonly warnings: readonly string[]
  /** What was logged of refused senders. */
  readonly refusals: readonly string[]
  status: CollectorStatus
  readonly log: Log
  readonly disk: Disk
  /** The events in the log, one line each. */
  lines(): Promise<string[]>
  close(): Promise<void>
}

export type Disk = {
  /** Syncs of the log wait for it. */
  gate: Promise<void>
  /** With which the next syncs fail. */
  syncFault: Error | null
  /** In place of the free bytes of the disk. */
  freeBytes: number | null
  syncs: number
}

export type HarnessOptions = Partial<CollectorOptions> &
  Readonly<{ logOptions?: Partial<LogOptions> }>

const MIB = 1024 * 1024

const NO_READINGS: Readings = {
  logStart: null,
  logEnd: null,
  logBytes: null,
  waiting: null,
  commits: null,
  stored: null,
  duplicates: null,
  rejectedKept: null,
  freshnessSeconds: null,
  liveFiles: {},
  dedupeIds: null,
  dedupeBytes: null,
  dedupeHorizonTrueSeconds: null,
  dedupeHorizonSeconds: null,
}

export async function openHarness({ logOptions, ...more }: HarnessOptions = {}): Promise<Harness> {
  const directory = await mkdtemp(join(tmpdir(), 'campaign-metrics-collect-'))
  const disk: Disk = { gate: Promise.resolve(), syncFault: null, freeBytes: null, syncs: 0 }
  const log = await openLog({
    directory: join(directory, 'log'),
    nowUs: () => ARRIVAL_US,
    retentionMs: 0,
    bytesMax: 1024 * MIB,
    diskReserveBytes: 1,
    segmentBytes: 24 * MIB,
    files: filesOn(disk),
    ...logOptions,
  })
  const rejected = await openRejectedShares({
    directory: join(directory, 'rejected'),
    bytesMax: 64 * MIB,
    nowUs: () => ARRIVAL_US,
  })
  const meter = openMeter({
    readings: () => NO_READINGS,
    memory: () => ({ rssBytes: 1, heapBytes: 1, externalBytes: 1 }),
  })
  const warnings: string[] = []
  const refusals: string[] = []
  const state = { status: { healthy: true, problems: [] } as CollectorStatus }
  const closeRooms = async () => {
    await rejected.close()
    await log.close()
    await rm(directory, { recursive: true, force: true })
  }
  const collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    keys: { write: [], read: [] },
    cors: [],
    keptFromUs: () => KEEPS_ALL_US,
    areTablesInPlace: () => true,
    log,
    inspector: await openInspector(),
    rejected,
    meter,
    status: () => state.status,
    warn(message, cause) {
      const list = message.startsWith('Events are refused') ? refusals : warnings
      list.push(`${message}: ${cause}`)
    },
    nowMs: () => performance.now(),
    nowUs: () => ARRIVAL_US,
    ...more,
  }).catch(async (error) => {
    await closeRooms()
    throw error
  })
  return Object.assign(state, {
    url: collector.address.url,
    port: collector.address.port,
    collector,
    meter,
    rejected,
    directory,
    warnings,
    refusals,
    log,
    disk,
    lines: () => readLines(join(directory, 'log'), log),
    async close() {
      await collector.close()
      await closeRooms()
    },
  })
}

function filesOn(disk: Disk): LogFiles {
  return {
    ...diskFiles,
    freeBytes: async (directory) => disk.freeBytes ?? (await diskFiles.freeBytes(directory)),
    async sync(file) {
      await disk.gate
      if (disk.syncFault !== null) throw disk.syncFault
      disk.syncs += 1
      await diskFiles.sync(file)
    },
  }
}

async function readLines(directory: string, log: Log): Promise<string[]> {
  const reader = await openLogReader({ directory, cursor: log.cursor })
  const lines: string[] = []
  while (lines.length < log.end()) {
    const frame = await reader.next(lines.length, 1000)
    if (frame === null) break
    lines.push(...Buffer.from(frame.bytes).toString().split('\n').slice(0, -1))
  }
  await reader.close()
  return lines
}

/** What is kept under `rejected/`, oldest first. */
export async function keptEvents({ directory }: Pick<Harness, 'directory'>): Promise<KeptEvent[]> {
  const kept: KeptEvent[] = []
  for await (const each of listRejected(join(directory, 'rejected'))) kept.push(each)
  return kept
}

/** A promise that is fulfilled from outside. */
export function openGate(): Readonly<{ gate: Promise<void>; open: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { gate: promise, open: resolve }
}

/** A valid event; `more` replaces or adds fields. */
export function event(id: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    event_id: id,
    user_id: 'u1',
    campaign_id: 'c1',
    event_type: 'click',
    timestamp: '2026-11-22T10:00:00Z',
    ...more,
  })
}

export function events(count: number, prefix = 'e'): string[] {
  return Array.from({ length: count }, (_, at) => event(`${prefix}${at}`))
}

export type Reply = Readonly<{ status: number; body: unknown; headers: Headers }>

/** `fetch` of the events path; `body` as given. */
export async function post(
  harness: Pick<Harness, 'url'>,
  body: string | Uint8Array<ArrayBuffer> | null,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/x-ndjson' },
  path = '/v1/events',
): Promise<Reply> {
  const response = await fetch(harness.url + path, { method: 'POST', body, headers })
  const text = await response.text()
  return { status: response.status, body: JSON.parse(text), headers: response.headers }
}

export async function get(
  harness: Pick<Harness, 'url'>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<{ status: number; text: string; headers: Headers }>> {
  const response = await fetch(harness.url + path, { headers })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

export function codeOf(reply: Reply): unknown {
  const { body } = reply
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined
  const { error } = body
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/** A bare connection: sends what it is told and collects everything until the server closes. */
export type RawConnection = Readonly<{
  socket: Socket
  send(text: string | Uint8Array): void
  /** Resolves when the text so far matches. */
  until(pattern: RegExp): Promise<string>
  /** Everything received, when the connection is over. */
  end: Promise<string>
}>

export function openRaw(port: number): RawConnection {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  const waiting = new Set<() => void>()
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (const check of waiting) check()
  })
  // A reset ends the connection like a close; the text so far is what counts.
  socket.on('error', () => {})
  const end = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  return {
    socket,
    send: (bytes) => socket.write(bytes),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!pattern.test(text)) return
          waiting.delete(check)
          resolve(text)
        }
        waiting.add(check)
        socket.on('close', () => reject(new Error(`closed before ${pattern}: ${text}`)))
        check()
      }),
    end,
  }
}

/** A request's text, with a right Content-Length unless the headers have one of the two. */
export function rawRequest(
  body: string,
  headers: readonly string[] = [],
  line = 'POST /v1/events HTTP/1.1',
): string {
  const framed = headers.some((header) => /^(content-length|transfer-encoding):/i.test(header))
  const all = [
    line,
    'Host: localhost',
    ...headers,
    ...(framed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  return `${all.join('\r\n')}\r\n\r\n${body}`
}

/** Status codes of the answers in a connection's text, in order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
}

/**
 * A test with a collector of its own, because it ends or starves it: afterwards nothing is held and
 * nothing went wrong.
 */
export async function on(
  options: HarnessOptions,
  test: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await openHarness(options)
  try {
    await test(harness)
    assert.deepEqual(harness.warnings, [])
  } finally {
    await harness.close()
  }
  assert.equal(harness.meter.collect.heldBytes, 0)
}

/** Waits until the bytes in flight are so; the test runner's time-out is the limit. */
export async function heldBytes(harness: Harness, are: (bytes: number) => boolean): Promise<void> {
  while (!are(harness.meter.collect.heldBytes)) await sleep(5)
}
