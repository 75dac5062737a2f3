/**
 * A reader of the feed that does what FeedMessage says and no more: it takes the rows of the
 * metrics files, adds deltas and what is pending. `expectExact` holds it, after every message,
 * against a model and against the files themselves.
 */
import assert from 'node:assert/strict'
import type { MessagePort } from 'node:worker_threads'
import type { WindowDelta } from '../../src/event.ts'
import type { FeedMessage, LakeFile } from '../../src/job.ts'

const PENDING_WINDOWS_MAX = 10_000
const DAY_US = 86_400_000_000

export type Sums = Map<string, WindowDelta>

export type FeedReader = Readonly<{
  messages: FeedMessage[]
  /** When each came, ms. */
  timesMs: number[]
  /** Closes this end. */
  leave(): void
  /** Either end was closed; every message before has come. */
  ended: Promise<void>
  /** Resolves once `found` holds for what has come so far. */
  until(found: (messages: readonly FeedMessage[]) => boolean, limitMs?: number): Promise<void>
}>

export function openFeedReader(port: MessagePort): FeedReader {
  const messages: FeedMessage[] = []
  const timesMs: number[] = []
  const ended = Promise.withResolvers<void>()
  let look: () => void = () => {}
  port.on('message', (message: FeedMessage) => {
    messages.push(message)
    timesMs.push(performance.now())
    look()
  })
  port.on('close', () => ended.resolve())
  return {
    messages,
    timesMs,
    leave: () => port.close(),
    ended: ended.promise,
    until(found, limitMs = 20_000) {
      return new Promise((resolve, reject) => {
        const kinds = (): string => messages.map(({ kind }) => kind).join(' ')
        const limit = setTimeout(() => reject(new Error(`not within time: ${kinds()}`)), limitMs)
        look = () => {
          if (!found(messages)) return
          clearTimeout(limit)
          resolve()
        }
        look()
      })
    },
  }
}

export function addTo(sums: Sums, delta: WindowDelta): void {
  const key = `${delta.windowStartUs}|${delta.campaignId}`
  const sum = sums.get(key)
  sums.set(key, {
    campaignId: delta.campaignId,
    windowStartUs: delta.windowStartUs,
    impressions: (sum?.impressions ?? 0) + delta.impressions,
    clicks: (sum?.clicks ?? 0) + delta.clicks,
    conversions: (sum?.conversions ?? 0) + delta.conversions,
    revenueMillionths: (sum?.revenueMillionths ?? 0n) + delta.revenueMillionths,
  })
}

export function plus(sums: Sums, deltas: readonly WindowDelta[]): Sums {
  const both: Sums = new Map(sums)
  for (const delta of deltas) addTo(both, delta)
  return both
}

/** Equal for equal sums. */
export function sumsText(sums: Sums): string {
  const texts = [...sums].map(
    ([key, { impressions, clicks, conversions, revenueMillionths }]) =>
      `${key} ${impressions} ${clicks} ${conversions} ${revenueMillionths}`,
  )
  return texts.sort().join('\n')
}

export type Expectation = Readonly<{
  /** The rows of a metrics file. */
  readRows: (path: string) => Promise<readonly WindowDelta[]>
  /** After how many parts of the traffic the sums are these; undefined if never. */
  partsAt: (sums: Sums) => number | undefined
  /**
   * The files that a reader is told first may hold some days of a batch whose others are told right
   * after them.
   */
  inSlices?: boolean
}>

/**
 * After each message the reader's sums are those of the first parts of the traffic, never of fewer
 * than before. Answers the last sums.
 */
export async function expectExact(
  messages: readonly FeedMessage[],
  expectation: Expectation,
): Promise<Sums> {
  assert.equal(messages[0]?.kind, 'files', 'the first message names the files')
  let nextOffset = messages[0].nextOffset
  /** What the reader keeps: files once, then deltas only. */
  let tables = await sumsOf(messages[0].metrics, expectation)
  let total = tables
  let parts = 0
  for (const [number, message] of messages.entries()) {
    const what = `message ${number}, ${message.kind}`
    if (message.kind === 'pending') {
      assert.equal(message.baseOffset, nextOffset, what)
      assert.ok(message.deltas.length <= PENDING_WINDOWS_MAX, what)
      assertDistinct(message.deltas, what)
      total = plus(tables, message.deltas)
    } else if (message.kind === 'commit') {
      assert.ok(message.nextOffset > nextOffset, what)
      nextOffset = message.nextOffset
      assertDistinct(message.deltas, what)
      assertAdded(message, what)
      tables = plus(tables, message.deltas)
      assertDistinct(message.pending?.deltas ?? [], what)
      total = plus(tables, message.pending?.deltas ?? [])
    } else {
      assert.equal(message.nextOffset, nextOffset, what)
    }
    if (message.kind !== 'pending') {
      const inFiles = await sumsOf(message.metrics, expectation)
      assert.equal(sumsText(inFiles), sumsText(tables), what)
    }
    if (number === 0 && expectation.inSlices === true && messages[1]?.kind === 'pending') continue
    const now = expectation.partsAt(total)
    assert.ok(now !== undefined, `${what}: the sums are those of no moment`)
    assert.ok(now >= parts, `${what}: ${now} parts after ${parts}`)
    parts = now
  }
  return total
}

async function sumsOf(files: readonly LakeFile[], { readRows }: Expectation): Promise<Sums> {
  const sums: Sums = new Map()
  for (const file of files) {
    const rows = await readRows(file.path)
    assert.equal(rows.length, file.rows, file.path)
    for (const row of rows) {
      assert.equal(Math.floor(row.windowStartUs / DAY_US), file.day, file.path)
      addTo(sums, row)
    }
  }
  return sums
}

function assertDistinct(deltas: readonly WindowDelta[], what: string): void {
  assert.equal(plus(new Map(), deltas).size, deltas.length, what)
}

/** The raw files of a commit hold the events of its deltas, and are among the table's. */
function assertAdded(message: Extract<FeedMessage, { kind: 'commit' }>, what: string): void {
  const rows = message.added.reduce((sum, file) => sum + file.rows, 0)
  const events = message.deltas.map((delta) => delta.impressions + delta.clicks + delta.conversions)
  assert.equal(
    rows,
    events.reduce((sum, count) => sum + count, 0),
    what,
  )
  const live = new Set(message.events.map(({ path }) => path))
  for (const { path } of message.added) assert.ok(live.has(path), `${what}: ${path}`)
}
