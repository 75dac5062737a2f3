/**
 * People who look at the dashboard, in a process of their own: each has an event stream open and,
 * as the page does, asks for its five answers at once when the version has moved, no more often
 * than the page would, and now and then looks at something else. Takes one JSON argument; prints
 * a line when all streams are open, begins to ask at the first line of its input, and at the end of
 * its input prints what it saw as one line of JSON.
 */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RangeId } from '../../src/dashboard-definition/definition.ts'
import { EVENT_FILTER_IDS, type EventFilterId } from '../../src/dashboard-definition/filters.ts'
import type { LiveMessage } from '../../src/dashboard-definition/wire.ts'
import { openRandom, type Random } from '../../test/support/random.ts'
import { COUNTRIES } from './countries.ts'

export type ViewersOptions = Readonly<{
  url: string
  viewers: number
  seed: number
  campaigns: readonly string[]
}>

/**
 * What a view is filtered by: nothing, campaigns, one value that only the raw events have, or values
 * of two such columns.
 */
export type FilterKind = 'none' | 'campaign' | 'value' | 'values'

export type AnswerSeen = Readonly<{
  endpoint: string
  range: SeenRange
  filter: FilterKind
  /** Asked before anybody had an answer about this view. */
  isCold: boolean
  startedMs: number
  ms: number
  status: number
}>

/** When a stream had reported how many events, since its first message. */
export type Told = readonly [seenMs: number, events: number]

export type ViewersReport = Readonly<{
  answers: readonly AnswerSeen[]
  /** One list for each viewer. */
  streams: readonly (readonly Told[])[]
  cpuSeconds: number
}>

type View = Readonly<{
  range: SeenRange
  filter: FilterKind
  query: string
  paths: readonly string[]
}>

/** How often each is looked at: short ranges most. */
/** The others are days of the same lengths. */
type SeenRange = Extract<RangeId, '15m' | '1h' | '6h' | '24h' | '7d' | '30d'>
const RANGES_SEEN: readonly SeenRange[] = [
  ...(['15m', '1h', '1h', '1h', '6h', '6h', '24h', '24h'] as const),
  ...(['7d', '30d'] as const),
]
const FILTERS_SEEN: readonly FilterKind[] = [
  ...(['none', 'none', 'none', 'campaign'] as const),
  ...(['value', 'values'] as const),
]
const SORTS = ['impressions', 'clicks', 'ctr', 'conversions', 'cvr', 'revenue', 'campaign'] as const
const VALUES: Readonly<Record<EventFilterId, readonly string[]>> = {
  platform: ['web', 'mobile', 'tv'],
  country: COUNTRIES,
  device: ['ios', 'android', 'desktop'],
}
/** The page's own pace. */
const PAUSE_MS: Readonly<Record<SeenRange, number>> = {
  '15m': 1_000,
  '1h': 1_000,
  '6h': 2_000,
  '24h': 2_000,
  '7d': 10_000,
  '30d': 10_000,
}
/** So long a viewer stays with a view, at least and on top at random. */
const STAY_MS = 6_000
const STAY_MORE_MS = 14_000
const POLL_MS = 20
/** As many connections as a browser opens to one host. */
const SOCKETS_MAX = 6

const clock = (): number => performance.timeOrigin + performance.now()

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as ViewersOptions
  process.stdout.write(`${JSON.stringify(await watchTogether(options))}\n`)
}

async function watchTogether(options: ViewersOptions): Promise<ViewersReport> {
  const answers: AnswerSeen[] = []
  const seenViews = new Set<string>()
  const streams = await Promise.all(
    Array.from({ length: options.viewers }, () => openStream(options.url)),
  )
  const input = createInterface({ input: process.stdin })
  process.stdout.write('open\n')
  const ending = once(input, 'close')
  await Promise.race([once(input, 'line'), ending])
  const end = new AbortController()
  const watching = streams.map((stream, index) => {
    const random = openRandom(options.seed * 1000 + index)
    return watch({ ...options, random, stream, seenViews, answers, signal: end.signal })
  })
  await ending
  end.abort()
  await Promise.all(watching)
  for (const stream of streams) stream.close()
  const { user, system } = process.cpuUsage()
  return { answers, streams: streams.map(({ told }) => told), cpuSeconds: (user + system) / 1e6 }
}

type Watching = ViewersOptions &
  Readonly<{
    random: Random
    stream: Stream
    seenViews: Set<string>
    answers: AnswerSeen[]
    signal: AbortSignal
  }>

async function watch(parts: Watching): Promise<void> {
  const { random, stream, signal } = parts
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  const tags = new Map<string, string>()
  let view = chooseView(parts, true)
  let leavesMs = clock() + STAY_MS * random.next()
  try {
    while (!signal.aborted) {
      const version = stream.version()
      const startedMs = clock()
      await look(parts, view, agent, tags)
      const isNew = (): boolean =>
        clock() - startedMs >= PAUSE_MS[view.range] && stream.version() !== version
      while (!signal.aborted && !isNew() && clock() < leavesMs) await sleep(POLL_MS)
      if (clock() < leavesMs) continue
      view = chooseView(parts, false)
      leavesMs = clock() + STAY_MS + STAY_MORE_MS * random.next()
    }
  } finally {
    agent.destroy()
  }
}

/** Every viewer begins with the page as it opens. */
function chooseView({ random, campaigns }: Watching, isOpening: boolean): View {
  const range = isOpening ? '1h' : random.pick(RANGES_SEEN)
  const filter = isOpening ? 'none' : random.pick(FILTERS_SEEN)
  const query = new URLSearchParams({ range })
  if (filter === 'campaign') {
    const chosen = Array.from({ length: 1 + random.below(3) }, () => random.pick(campaigns))
    for (const campaign of new Set(chosen)) query.append('campaign', campaign)
  }
  if (filter === 'value' || filter === 'values') {
    const skipped = random.pick(EVENT_FILTER_IDS)
    const pair = EVENT_FILTER_IDS.filter((id) => id !== skipped)
    for (const id of filter === 'value' ? [skipped] : pair) {
      query.append(id, random.pick(VALUES[id]))
    }
  }
  const lines = random.chance(0.3) ? 'campaigns' : 'all'
  const search = random.chance(0.1) ? '&search=00' : ''
  // As the page asks: a breakdown is compared only where its changes are shown.
  const changes = random.chance(0.2) ? '' : '&compare=none'
  const paths = [
    `summary?${query}`,
    `trend?${query}&lines=${lines}`,
    `revenue?${query}`,
    `campaigns?${query}&sort=${random.pick(SORTS)}&page=${1 + random.below(3)}${search}`,
    `breakdown?${query}&by=${random.pick(EVENT_FILTER_IDS)}${changes}`,
    // The lists of a filter are asked for when it is opened.
    ...(filter === 'value' ? ['values'] : []),
  ]
  return { range, filter, query: query.toString(), paths }
}

async function look(
  { url, seenViews, answers }: Watching,
  view: View,
  agent: Agent,
  tags: Map<string, string>,
): Promise<void> {
  const isCold = !seenViews.has(view.query)
  await Promise.all(
    view.paths.map(async (path) => {
      const startedMs = clock()
      const status = await ask(new URL(`/api/v1/${path}`, url), agent, tags)
      const { range, filter } = view
      const endpoint = path.split('?')[0] as string
      answers.push({ endpoint, range, filter, isCold, startedMs, ms: clock() - startedMs, status })
    }),
  )
  seenViews.add(view.query)
}

/**
 * Resolves with the status once the answer is whole; 0 where there was none. As a browser does, it
 * asks with the tag.
 */
function ask(url: URL, agent: Agent, tags: Map<string, string>): Promise<number> {
  const tag = tags.get(url.href)
  const headers = {
    'accept-encoding': 'gzip, deflate, br',
    ...(tag === undefined ? {} : { 'if-none-match': tag }),
  }
  return new Promise((resolve) => {
    const asking = get(url, { agent, headers }, (answer) => {
      if (answer.headers.etag !== undefined) tags.set(url.href, answer.headers.etag)
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
      answer.on('error', () => resolve(0))
    })
    asking.on('error', () => resolve(0))
  })
}

type Stream = Readonly<{ version(): string; told: readonly Told[]; close(): void }>

/** Resolves after the first message. */
async function openStream(url: string): Promise<Stream> {
  const asking = get(new URL('/api/v1/stream', url), { agent: false })
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`the stream answered ${answer.statusCode}`)
  const seconds = new Map<number, number>()
  const told: Told[] = []
  let version = ''
  let total = 0
  let totalAtFirst: number | null = null
  const take = (message: LiveMessage): void => {
    version = message.version
    for (const [at, impressions, clicks, conversions] of message.seconds) {
      const events = impressions + clicks + conversions
      total += events - (seconds.get(at) ?? 0)
      seconds.set(at, events)
    }
    totalAtFirst ??= total
    told.push([clock(), total - totalAtFirst])
  }
  let text = ''
  answer.setEncoding('utf8')
  answer.on('data', (chunk: string) => {
    text += chunk
    const messages = text.split('\n\n')
    text = messages.pop() ?? ''
    for (const message of messages) {
      const line = message.split('\n').find((each) => each.startsWith('data: '))
      if (line !== undefined) take(JSON.parse(line.slice('data: '.length)) as LiveMessage)
    }
  })
  while (told.length === 0) await sleep(POLL_MS)
  return { version: () => version, told, close: () => answer.destroy() }
}
