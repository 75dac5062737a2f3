/**
 * A collector on a free port with what it stands on: the real inspector, a real store of rejected events, and a log
 * on a real file. `fault` makes the log fail on purpose, with the codes of LogError.
 */
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Collector,
  type CollectorOptions,
  type CollectorStatus,
  startCollector,
} from '../../src/collect.ts'
import { openInspector } from '../../src/engine.ts'
import { type Meter, openMeter, type Readings } from '../../src/meter.ts'
import { openRejected, type RejectedStore } from '../../src/rejected.ts'

/** 2026-11-22T10:00:00Z: the arrival time of everything in these tests. */
export const ARRIVAL_US = 1_795_341_600_000_000

export type Harness = {
  readonly url: string
  readonly port: number
  readonly collector: Collector
  readonly meter: Meter
  readonly rejected: RejectedStore
  readonly directory: string
  readonly warnings: readonly string[]
  status: CollectorStatus
  log: TestLog
  /** The events in the log, one line each. */
  lines(): Promise<string[]>
  close(): Promise<void>
}

export type TestLog = {
  /** Code with which the next appends fail; null = they succeed. */
  fault: string | null
  /** Appends wait for it. */
  gate: Promise<void>
  appends: number
}

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

export async function openHarness(more: Partial<CollectorOptions> = {}): Promise<Harness> {
  const directory = await mkdtemp(join(tmpdir(), 'campaign-metrics-collect-'))
  const path = join(directory, 'log.ndjson')
  const file = await open(path, 'a')
  const log: TestLog = { fault: null, gate: Promise.resolve(), appends: 0 }
  const rejected = await openRejected({
    directory: join(directory, 'rejected'),
    source: 'collector',
    bytesMax: 2 ** 26,
    nowUs: () => ARRIVAL_US,
  })
  const meter = openMeter({
    readings: () => NO_READINGS,
    memory: () => ({ rssBytes: 1, heapBytes: 1, externalBytes: 1 }),
  })
  const warnings: string[] = []
  const state = { status: { healthy: true, problems: [] } as CollectorStatus }
  const collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    keys: { write: [], read: [] },
    cors: [],
    log: logOn(file, log),
    inspector: await openInspector(),
    rejected,
    meter,
    status: () => state.status,
    warn: (message, cause) => warnings.push(`${message}: ${cause}`),
    nowMs: () => performance.now(),
    ...more,
  })
  return Object.assign(state, {
    url: collector.address.url,
    port: collector.address.port,
    collector,
    meter,
    rejected,
    directory,
    warnings,
    log,
    async lines() {
      return (await readFile(path, 'utf8')).split('\n').slice(0, -1)
    },
    async close() {
      await collector.close()
      await rejected.close()
      await file.close()
      await rm(directory, { recursive: true, force: true })
    },
  })
}

/** Appends to a file and syncs it, one append after the other. */
function logOn(file: FileHandle, state: TestLog): CollectorOptions['log'] {
  let offset = 0
  let last: Promise<unknown> = Promise.resolve()
  return {
    stampUs: () => ARRIVAL_US,
    append(lines, count) {
      state.appends += 1
      const first = offset
      offset += count
      const written = last.then(async () => {
        await state.gate
        if (state.fault !== null)
          throw Object.assign(new Error('on purpose'), { code: state.fault })
        await file.write(lines)
        await file.datasync()
        return first
      })
      last = written.catch(() => {})
      return written
    },
  }
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
