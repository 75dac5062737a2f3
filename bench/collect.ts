/**
 * What HTTP costs: one-event requests and pixels per second, and gigabytes per CPU second of 1 MB
 * bodies, of the collector and, in the same run, of a bare `node:http` server that reads bodies and
 * answers 200. A pixel should reach half the rate of a one-event POST.
 *
 *     node bench/collect.ts [--seconds 4]
 *
 * Server and load generator are processes of their own. `http only` is the collector without
 * inspector and log (its own cost); `whole` is with both, acks after fdatasync. CPU is that of the
 * server's main thread and of its whole process (libuv's threads do the fdatasync). The load keeps
 * 64 connections busy (8 for 1 MB), one request each: closed loop, on purpose, since the question
 * is what a core can do, not how long a queue gets.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type CollectorOptions, startCollector } from '../src/collect.ts'
import { type Inspector, openInspector } from '../src/engine.ts'
import { KEEPS_ALL_US } from '../src/event.ts'
import { openLog } from '../src/log.ts'
import { openMeter } from '../src/meter.ts'
import { openRejected } from '../src/rejected.ts'

const KINDS = ['bare node:http', 'collector, http only', 'collector, whole'] as const
type Kind = (typeof KINDS)[number]

type Load = Readonly<{ name: 'one event' | 'pixel' | '1 MB'; connections: number; events: number }>
const LOADS: readonly Load[] = [
  { name: 'one event', connections: 64, events: 1 },
  { name: 'pixel', connections: 64, events: 1 },
  { name: '1 MB', connections: 8, events: 4300 },
]

type Usage = Readonly<{ threadSeconds: number; processSeconds: number; rssMiB: number }>
type Sent = Readonly<{
  requests: number
  bytes: number
  seconds: number
  refused: number
  p50Ms: number
  p99Ms: number
}>

const WARM_SECONDS = 1
const PAGE_KEY = 'bench-page-key-1'
/** `HTTP/1.1 200`: the first digit. */
const STATUS_AT = 9
const DIGIT_TWO = 0x32

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '4' } } })
  const seconds = Number(values.seconds)
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${seconds} s each`,
  )
  for (const load of LOADS) {
    for (const kind of KINDS) console.log(await measure(kind, load, seconds))
  }
}

async function measure(kind: Kind, load: Load, seconds: number): Promise<string> {
  const server = fork(import.meta.filename, ['--role', 'server', '--kind', kind])
  const port = Number(await ask(server))
  const generator = fork(import.meta.filename, [
    '--role',
    'load',
    '--port',
    String(port),
    '--load',
    load.name,
  ])
  await sleep(WARM_SECONDS * 1000)
  await ask(generator, 'start')
  const before = (await ask(server, 'usage')) as Usage
  await sleep(seconds * 1000)
  const sent = (await ask(generator, 'stop')) as Sent
  const after = (await ask(server, 'usage')) as Usage
  for (const child of [generator, server]) {
    child.disconnect()
    await new Promise((resolve) => child.once('exit', resolve))
  }
  const thread = after.threadSeconds - before.threadSeconds
  const whole = after.processSeconds - before.processSeconds
  const gigabytes = sent.bytes / 1e9
  const [perThread, perProcess] = [thread, whole].map((cpu) => (gigabytes / cpu).toFixed(2))
  return [
    load.name.padEnd(10),
    kind.padEnd(22),
    `${Math.round(sent.requests / sent.seconds)} requests/s`.padStart(18),
    `${Math.round(sent.requests / thread)} per thread CPU s`.padStart(26),
    `${Math.round(sent.requests / whole)} per CPU s`.padStart(20),
    `${perThread} / ${perProcess} GB per (thread) CPU s`.padStart(38),
    `p50 ${sent.p50Ms.toFixed(1)} p99 ${sent.p99Ms.toFixed(1)} ms`.padStart(24),
    `${Math.round(after.rssMiB)} MiB`,
    sent.refused > 0 ? `${sent.refused} REFUSED` : '',
  ].join('  ')
}

/** Sends a message to a child and waits for its next one. */
function ask(child: ChildProcess, message?: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`a child ended with ${code}`)))
    if (message !== undefined) child.send(message)
  })
}

async function serve(kind: Kind): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'campaign-metrics-bench-'))
  process.on('disconnect', () => {
    void rm(directory, { recursive: true, force: true }).then(() => process.exit(0))
  })
  process.on('message', () => process.send?.(usage()))
  process.send?.(
    kind === 'bare node:http' ? await serveBare() : await serveCollector(kind, directory),
  )
}

function usage(): Usage {
  const thread = process.threadCpuUsage()
  const { user, system } = process.cpuUsage()
  return {
    threadSeconds: (thread.user + thread.system) / 1e6,
    processSeconds: (user + system) / 1e6,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  }
}

function serveBare(): Promise<number> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', '2'])
      response.end('{}')
    })
  })
  return new Promise((resolve) => {
    // A TCP server's address is an object once it listens.
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

async function serveCollector(kind: Kind, directory: string): Promise<number> {
  const isWhole = kind === 'collector, whole'
  const nowUs = () => Date.now() * 1000
  const meter = openMeter({
    readings: () => {
      throw new Error('not scraped')
    },
    memory: () => ({ rssBytes: 0, heapBytes: 0, externalBytes: 0 }),
  })
  const collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    keys: { write: [], read: [], page: [PAGE_KEY] },
    page: { keyRate: 0, addressRate: 0 },
    cors: [],
    keptFromUs: () => KEEPS_ALL_US,
    areTablesInPlace: () => true,
    log: isWhole ? await openBenchLog(directory, nowUs) : NO_LOG,
    inspector: isWhole ? await openInspector() : NO_INSPECTOR,
    rejected: await openRejected({
      directory: join(directory, 'rejected'),
      source: 'collector',
      bytesMax: 2 ** 20,
      nowUs,
    }),
    meter,
    status: () => ({ healthy: true, problems: [] }),
    warn: console.error,
    nowMs: () => performance.now(),
    nowUs,
  })
  return collector.address.port
}

/** Trimmed as it grows, as the job would do. */
async function openBenchLog(
  directory: string,
  nowUs: () => number,
): Promise<CollectorOptions['log']> {
  const log = await openLog({
    directory: join(directory, 'log'),
    nowUs,
    retentionMs: 0,
    bytesMax: 2 ** 30,
    diskReserveBytes: 2 ** 20,
  })
  setInterval(() => void log.trim(log.end()), 200)
  return log
}

const NO_LOG: CollectorOptions['log'] = { stampUs: () => 0, append: () => Promise.resolve(0) }
const NO_LINES = Buffer.alloc(0)
const NO_INSPECTOR: Inspector = {
  bodyBytesMax: 2 ** 24,
  inspect: () => ({ count: 1, rejected: [], lines: [NO_LINES] }),
}

function generate(port: number, load: Load): void {
  const body = load.name === 'pixel' ? '' : eventsBody(load.events)
  const bytes = Buffer.from(load.name === 'pixel' ? pixelRequest() : postRequest(body))
  keepBusy(port, load.connections, bytes, body.length)
}

function eventsBody(events: number): string {
  const timestamp = new Date().toISOString()
  return Array.from({ length: events }, (_, at) =>
    JSON.stringify({
      event_id: `0192f1c4-7a53-7c55-b2d1-${String(at).padStart(12, '0')}`,
      user_id: `user-${at % 1000}`,
      campaign_id: `campaign-${at % 50}`,
      event_type: 'impression',
      timestamp,
      revenue: 0.0125,
      platform: 'mobile',
      country: 'DE',
      device_type: 'android',
    }),
  ).join('\n')
}

function postRequest(body: string): string {
  return (
    'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: ' +
    `application/x-ndjson\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** As a browser asks for it. */
function pixelRequest(): string {
  const query = 'campaign_id=campaign-7&user_id=user-17&platform=mobile&country=DE'
  return [
    `GET /v1/pixel.gif?key=${PAGE_KEY}&${query} HTTP/1.1`,
    'Host: localhost',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
      'Chrome/140.0.0.0 Safari/537.36',
    'Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Mode: no-cors',
    'Sec-Fetch-Dest: image',
    'Referer: https://shop.example/',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-US,en;q=0.9',
    '\r\n',
  ].join('\r\n')
}

function keepBusy(port: number, connections: number, bytes: Uint8Array, bodyBytes: number): void {
  let latencies: number[] = []
  let refused = 0
  let startMs = 0
  for (let connection = 0; connection < connections; connection++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sentMs = performance.now()
    socket.on('error', () => {})
    socket.write(bytes)
    // An answer is far smaller than a packet: one `data`, one answer.
    socket.on('data', (answer) => {
      const now = performance.now()
      if (answer[STATUS_AT] === DIGIT_TWO) latencies.push(now - sentMs)
      else refused += 1
      sentMs = now
      socket.write(bytes)
    })
  }
  process.on('disconnect', () => process.exit(0))
  process.on('message', (message) => {
    const now = performance.now()
    const requests = latencies.length
    latencies.sort((a, b) => a - b)
    const sent: Sent = {
      requests,
      bytes: requests * bodyBytes,
      seconds: (now - startMs) / 1000,
      refused,
      p50Ms: latencies[Math.floor(requests * 0.5)] ?? 0,
      p99Ms: latencies[Math.floor(requests * 0.99)] ?? 0,
    }
    if (message === 'start') {
      latencies = []
      refused = 0
      startMs = now
    }
    process.send?.(sent)
  })
}

const { values: role } = parseArgs({
  options: {
    role: { type: 'string' },
    kind: { type: 'string' },
    port: { type: 'string' },
    load: { type: 'string' },
    seconds: { type: 'string' },
  },
})
if (role.role === 'server') {
  await serve(KINDS.find((kind) => kind === role.kind) ?? 'bare node:http')
} else if (role.role === 'load') {
  const load = LOADS.find(({ name }) => name === role.load)
  if (load !== undefined) generate(Number(role.port), load)
} else {
  await main()
}
