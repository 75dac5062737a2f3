/**
 * Sends what waits, one request at a time, and decides what each answer means for its events.
 *
 *     200                        taken, or rejected one by one: done
 *     429, 503 of known codes    surely not taken: as if never sent, after a pause
 *     408, 425, 5xx              perhaps taken: sent again within the horizon, after a pause
 *     other 4xx                  refused: logged once for each status, not sent again
 *     no answer                  perhaps taken
 *
 * An event that was perhaps taken is sent again only while the collector would recognise it, with
 * five minutes to spare. After that nobody knows whether it counts, and it is `unresolved`.
 */
import type { Clock } from './clock.ts'
import type { Answer, Environment, Timer } from './environment.ts'
import { eventLine, isoText, type QueuedEvent } from './event.ts'
import type { BatchLimits, Queue } from './queue.ts'
import type { Store } from './store.ts'

export type Counts = {
  /** Answered as accepted; repeats are recognised later, by their `event_id`. */
  accepted: number
  /** Rejected by the collector, which has told why. */
  rejected: number
  /** In requests that were refused as a whole, such as for a wrong key. */
  refused: number
  /** Pushed out by the bound, or too old, and never sent. */
  dropped: number
  /** Sent, never answered, and too old to be sent again. */
  unresolved: number
}

export type Sender = Readonly<{
  /** Something waits: sends soon, or at once where it fills a batch. */
  wake(): void
  /** Sends until what waits now is answered, or until an attempt fails. */
  flush(): Promise<void>
  /** One beacon of what waits; for a page that may end now. */
  beacon(): void
  /** What a beacon has sent may be sent again. */
  resume(): void
  /** Counts an event that left the queue without an answer. */
  forget(event: QueuedEvent): void
}>

export type SenderParts = Readonly<{
  url: string
  key: string | null
  environment: Environment
  clock: Clock
  queue: Queue
  /** null = in memory only. */
  store: Store | null
  /** Nothing is sent before the user is known. */
  recalled: Promise<void> | null
  counts: Counts
  batch: BatchLimits
  flushIntervalMs: number
  /** Between attempts that fail, before jitter. */
  pauseMaxMs: number
  /** Of the events so far; a flush waits for these. */
  lastSequence: () => number
  /** The queue has become shorter. */
  onProgress: () => void
}>

const BEACON_BYTES_MAX = 60 * 1024
const BODY_TYPE = 'text/plain;charset=UTF-8'
const HORIZON_DEFAULT_MS = 3_600_000
const HORIZON_MARGIN_MS = 5 * 60_000
const NEVER_SENT_MAX_MS = 7 * 86_400_000
const PAUSE_MIN_MS = 1_000
const RETRY_AFTER_MAX_MS = 3_600_000
/** What a beacon has sent is sent again after this, if the page is still there. */
const AFTER_BEACON_MS = 30_000
/** Refusals before anything was written. */
const NOT_TAKEN = ['too-busy', 'too-many-connections', 'log-busy', 'log-full', 'tables-misplaced']

export function createSender(parts: SenderParts): Sender {
  const { environment, clock, queue, store, counts } = parts
  const { page } = environment
  const query = parts.key === null ? '' : `?key=${encodeURIComponent(parts.key)}`
  /** 0 = not told yet. */
  let horizonMs = 0
  let running: Promise<void> | null = null
  let timer: Timer | null = null
  let failures = 0
  /** By the steady clock: nothing is sent before. */
  let notBeforeMs = 0
  const warned = new Set<string>()
  /** Taken by a beacon, which tells nothing of what became of them. */
  const beaconed = new Set<QueuedEvent>()
  let flushes: readonly Readonly<{ until: number; done: () => void }>[] = []

  function warnOnce(topic: string, message: string): void {
    if (warned.has(topic)) return
    warned.add(topic)
    environment.warn(message)
  }

  function request(path: string, init: RequestInit): Promise<Answer> {
    // A header of ours would cost a page a preflight; an address stands in logs of proxies.
    if (page !== null) return environment.request(`${parts.url}${path}${query}`, init)
    const headers: Record<string, string> = { ...(init.headers as Record<string, string>) }
    if (parts.key !== null) headers.Authorization = `Bearer ${parts.key}`
    return environment.request(`${parts.url}${path}`, { ...init, headers })
  }

  function schedule(ms: number): void {
    timer?.cancel()
    timer = environment.after(ms, () => {
      timer = null
      void run()
    })
  }

  function wake(): void {
    if (running !== null) return
    const isFull = queue.size() >= parts.batch.events || queue.bytes() >= parts.batch.bytes
    if (isFull && failures === 0 && environment.steadyMs() >= notBeforeMs) void run()
    else if (timer === null) schedule(parts.flushIntervalMs)
  }

  function pause(retryAfter: string | null): void {
    failures++
    const full = Math.min(parts.pauseMaxMs, PAUSE_MIN_MS * 2 ** (failures - 1))
    const jittered = full * (0.5 + environment.random() / 2)
    const askedMs = retryAfterMs(retryAfter, environment.wallMs())
    if (askedMs > 0) notBeforeMs = environment.steadyMs() + askedMs
    schedule(Math.max(jittered, askedMs))
  }

  function run(): Promise<void> {
    if (environment.steadyMs() < notBeforeMs) {
      settleFlushes(true)
      return Promise.resolve()
    }
    running ??= sendAll()
      .catch((cause) => {
        warnOnce('fault', `events could not be sent: ${cause}`)
        pause(null)
      })
      .finally(() => {
        running = null
        settleFlushes(true)
      })
    return running
  }

  /** Ends those that have nothing left to wait for; all of them where sending has ended. */
  function settleFlushes(hasEnded: boolean): void {
    const oldest = queue.oldestSequence()
    flushes = flushes.filter(({ until, done }) => {
      if (!hasEnded && oldest <= until) return true
      done()
      return false
    })
    parts.onProgress()
  }

  async function sendAll(): Promise<void> {
    timer?.cancel()
    timer = null
    await parts.recalled
    while (queue.size() > 0) {
      while (clock.needsMeasurement()) if (!(await measure())) return
      const next = queue.batch(parts.batch)
      if (next.length === 0) return
      const batch = next.filter(isOurs).filter(isInTime)
      if (batch.length > 0 && !(await sendBatch(batch))) return
      settleFlushes(false)
    }
  }

  /** false = the collector did not answer. */
  async function measure(): Promise<boolean> {
    const sent = clock.read()
    const answer = await request('/v1/time', { method: 'GET', credentials: 'omit' }).catch(
      () => null,
    )
    if (answer === null || answer.status >= 500 || answer.status === 429) {
      pause(answer?.retryAfter ?? null)
      return false
    }
    const told = parseTime(answer)
    if (told === null) {
      clock.trustDevice()
      horizonMs ||= HORIZON_DEFAULT_MS
    } else {
      clock.measure(sent, clock.read(), told.nowMs)
      horizonMs = told.dedupeHorizonMs
    }
    fixTimes()
    return true
  }

  /** Of what is stored: a later page knows nothing of this one's steady clock. */
  function fixTimes(): void {
    if (store === null) return
    for (const event of queue.all()) {
      if (event.timestamp !== null || !isOurs(event)) continue
      const timeMs = clock.timeOf(event.moment)
      if (timeMs === null) return
      event.timestamp ??= isoText(timeMs)
      store.write(event)
    }
  }

  /** Else another page has sent it. */
  function isOurs(event: QueuedEvent): boolean {
    if (store?.isOurs(event) ?? true) return true
    queue.remove(event)
    return false
  }

  /** Whether it is young enough; else it leaves the queue. */
  function isInTime(event: QueuedEvent): boolean {
    const wallMs = environment.wallMs()
    const nowMs = clock.nowMs()
    const { sent } = event
    if (sent === null) {
      if ((nowMs ?? wallMs) - clock.bestTimeOf(event.moment) <= NEVER_SENT_MAX_MS) return true
    } else {
      const isKnown = nowMs !== null && sent.trueMs !== null
      const ageMs = isKnown ? nowMs - sent.trueMs : wallMs - sent.wallMs
      // A clock that was set back leaves the age unknown.
      if (ageMs >= 0 && ageMs < horizonMs - HORIZON_MARGIN_MS) return true
    }
    queue.remove(event)
    forget(event)
    return false
  }

  function forget(event: QueuedEvent): void {
    store?.remove(event)
    if (event.sent === null) counts.dropped++
    else counts.unresolved++
  }

  /** Notes the first sending, before it happens. */
  function begin(batch: readonly QueuedEvent[]): void {
    for (const event of batch) {
      event.isUnderWay = true
      if (event.sent !== null) continue
      event.timestamp ??= isoText(clock.bestTimeOf(event.moment))
      event.sent = { trueMs: clock.nowMs(), wallMs: environment.wallMs() }
      store?.write(event)
    }
  }

  /** `firstSent`: by the attempt that has surely failed. */
  function takeBack(batch: readonly QueuedEvent[], firstSent: ReadonlySet<QueuedEvent>): void {
    for (const event of batch) {
      event.isUnderWay = false
      if (!firstSent.has(event) || beaconed.has(event)) continue
      if (store?.isShared && event.key !== null) continue
      event.sent = null
      if (queue.has(event)) store?.write(event)
    }
  }

  /** false = failed: pause. */
  async function sendBatch(batch: readonly QueuedEvent[]): Promise<boolean> {
    const firstSent = new Set(batch.filter(({ sent }) => sent === null))
    begin(batch)
    await store?.written()
    const body = bodyOf(batch)
    const init = { method: 'POST', body, headers: { 'Content-Type': BODY_TYPE } }
    const answer = await request('/v1/events', { ...init, credentials: 'omit' }).catch(() => null)
    const meaning = answer === null ? 'unknown' : meaningOf(answer)
    if (meaning === 'not-taken' || meaning === 'unknown') {
      takeBack(batch, meaning === 'unknown' ? new Set() : firstSent)
      pause(answer?.retryAfter ?? null)
      return false
    }
    failures = 0
    for (const event of batch) {
      queue.remove(event)
      store?.remove(event)
    }
    if (meaning === 'refused') {
      counts.refused += batch.length
      const { status, text } = answer as Answer
      warnOnce(`${status}`, `the collector refused events with ${status}: ${text.slice(0, 300)}`)
    } else {
      countTaken(batch, (answer as Answer).text)
    }
    return true
  }

  function countTaken(batch: readonly QueuedEvent[], text: string): void {
    const { rejected = [], rejectedCount = rejected.length } = parseJson(text) as TakenAnswer
    counts.rejected += rejectedCount
    counts.accepted += batch.length - rejectedCount
    for (const { reason } of rejected)
      warnOnce(reason, `the collector rejected an event: ${reason}`)
  }

  function beacon(): void {
    if (page === null || environment.steadyMs() < notBeforeMs) return
    if (store?.isLate) return void run()
    const batch = beaconBatch()
    if (batch.length === 0) return
    const firstSent = new Set(batch.filter(({ sent }) => sent === null))
    const idle = batch.filter(({ isUnderWay }) => !isUnderWay)
    begin(batch)
    if (page.beacon(`${parts.url}/v1/events${query}`, bodyOf(batch))) {
      for (const event of batch) beaconed.add(event)
      environment.after(AFTER_BEACON_MS, resume)
    } else {
      takeBack(idle, firstSent)
    }
  }

  /** A request under way may be cut when the page ends, so what it carries is taken as well. */
  function beaconBatch(): QueuedEvent[] {
    const batch: QueuedEvent[] = []
    let bytes = 0
    for (const event of queue.all()) {
      if (beaconed.has(event) || bytes + event.bytes > BEACON_BYTES_MAX) continue
      // Sent before, perhaps by an earlier page: it depends on the horizon.
      if (event.sent !== null && horizonMs === 0) continue
      batch.push(event)
      bytes += event.bytes
    }
    return batch.filter((event) => event.isUnderWay || (isOurs(event) && isInTime(event)))
  }

  function resume(): void {
    for (const event of beaconed) event.isUnderWay = false
    beaconed.clear()
    if (queue.size() > 0) wake()
  }

  return {
    wake,
    flush() {
      const until = parts.lastSequence()
      if (queue.oldestSequence() > until) return Promise.resolve()
      return new Promise((done) => {
        flushes = [...flushes, { until, done }]
        void run()
      })
    },
    beacon,
    resume,
    forget,
  }
}

type TakenAnswer = Readonly<{
  rejected?: readonly Readonly<{ reason: string }>[]
  rejectedCount?: number
}>

function meaningOf({ status, text }: Answer): 'taken' | 'not-taken' | 'unknown' | 'refused' {
  if (status >= 200 && status < 300) return 'taken'
  if (status === 429) return 'not-taken'
  if (status >= 500 || status === 408 || status === 425) {
    const { error } = parseJson(text) as { error?: { code?: string } }
    return status === 503 && NOT_TAKEN.includes(error?.code ?? '') ? 'not-taken' : 'unknown'
  }
  return 'refused'
}

type Told = Readonly<{ nowMs: number; dedupeHorizonMs: number }>

/** null where there is no such route, or something else answers. */
function parseTime({ status, text }: Answer): Told | null {
  if (status !== 200) return null
  const { nowMs, dedupeHorizonMs } = parseJson(text) as Partial<Told>
  if (!Number.isFinite(nowMs) || !Number.isFinite(dedupeHorizonMs)) return null
  return { nowMs: nowMs as number, dedupeHorizonMs: dedupeHorizonMs as number }
}

/** `{}` for anything that is no JSON object. */
function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** Seconds or a date (RFC 9110, 10.2.3); 0 where there is none. */
function retryAfterMs(header: string | null, wallMs: number): number {
  if (header === null) return 0
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - wallMs : seconds * 1000
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0
}

function bodyOf(batch: readonly QueuedEvent[]): string {
  return batch.map(eventLine).join('\n')
}
