/**
 * Sends what waits, one request at a time, and decides what each answer means for its events.
 *
 *     200 of a collector         taken, or rejected one by one: done
 *     429, 503 of known codes    surely not taken: as if never sent, after a pause
 *     408, 425, 5xx              perhaps taken: sent again within the horizon, after a pause
 *     other 4xx of a collector   refused: logged once for each status, not sent again
 *     no answer, or another's    perhaps taken
 *
 * An event that was perhaps taken is sent again only while the collector would recognise it, with
 * five minutes to spare. After that nobody knows whether it counts, and it is `unresolved`.
 */
import type { Clock } from './clock.ts'
import type { Answer, Cancel, Environment } from './environment.ts'
import { eventLine, isoText, type QueuedEvent } from './event.ts'
import type { BatchLimits, Queue } from './queue.ts'
import type { Store } from './store.ts'
import { IS_SCRIPT } from './target.ts'

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
  /** Sends until nothing waits, or until an attempt fails. */
  run(): Promise<void>
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
  /** The queue has become shorter, or sending has ended for now. */
  onProgress: ((hasEnded: boolean) => void) | null
}>

const BEACON_BYTES_MAX = 60 * 1024
const BODY_TYPE = 'text/plain;charset=UTF-8'
const HORIZON_DEFAULT_MS = 3_600_000
const HORIZON_MARGIN_MS = 5 * 60_000
/** Two pages measure the collector's time with an error of half a round trip each. */
const CLOCKS_DIFFER_MS = 60_000
const NEVER_SENT_MAX_MS = 7 * 86_400_000
const PAUSE_MIN_MS = 1_000
const RETRY_AFTER_MAX_MS = 3_600_000
/** A timer may fire a little before its time by the steady clock. */
const EARLY_TIMER_MS = 10
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
  let timer: Cancel | null = null
  let failures = 0
  /** By the steady clock: nothing is sent before. */
  let notBeforeMs = 0
  const warned = new Set<string>()
  /** Taken by a beacon, which tells nothing of what became of them. */
  const beaconed = new Set<QueuedEvent>()
  /** In the request under way. */
  let requested: readonly QueuedEvent[] = []

  function warnOnce(topic: string, message: string): void {
    if (warned.has(topic)) return
    warned.add(topic)
    environment.report(message)
  }

  function request(path: string, init: RequestInit): Promise<Answer> {
    // A header of ours would cost a page a preflight; an address stands in logs of proxies.
    if (IS_SCRIPT || page !== null) {
      return environment.request(`${parts.url}${path}${query}`, { ...init, credentials: 'omit' })
    }
    const headers: Record<string, string> = { ...(init.headers as Record<string, string>) }
    if (parts.key !== null) headers.Authorization = `Bearer ${parts.key}`
    return environment.request(`${parts.url}${path}`, { ...init, headers, credentials: 'omit' })
  }

  function noAnswer(cause: unknown): null {
    warnOnce('no answer', `${parts.url} has not answered yet (${cause})`)
    return null
  }

  function schedule(ms: number): void {
    timer?.()
    timer = environment.after(ms, () => {
      timer = null
      void run()
    })
  }

  function wake(): void {
    if (running !== null) return
    const isFull = queue.size() >= parts.batch.events || queue.bytes() >= parts.batch.bytes
    if (isFull && failures === 0) void run()
    else if (timer === null) schedule(parts.flushIntervalMs)
  }

  function pause(retryAfter: string | null): void {
    failures++
    const full = Math.min(parts.pauseMaxMs, PAUSE_MIN_MS * 2 ** (failures - 1))
    const jittered = full * (0.5 + environment.random() / 2)
    const askedMs = retryAfterMs(retryAfter, environment.wallMs())
    if (askedMs > 0) notBeforeMs = environment.steadyMs() + askedMs
    schedule(Math.max(jittered, askedMs + EARLY_TIMER_MS))
  }

  function run(): Promise<void> {
    if (environment.steadyMs() < notBeforeMs) {
      progress(true)
      return Promise.resolve()
    }
    running ??= sendAll()
      .catch((cause) => {
        warnOnce('fault', IS_SCRIPT ? `${cause}` : `events could not be sent: ${cause}`)
        pause(null)
      })
      .finally(() => {
        running = null
        // A call that came while the last request ended has set no timer.
        if (!IS_SCRIPT && timer === null && queue.batch(parts.batch).length > 0) void run()
        else progress(true)
      })
    return running
  }

  function progress(hasEnded: boolean): void {
    if (!IS_SCRIPT) parts.onProgress?.(hasEnded)
  }

  async function sendAll(): Promise<void> {
    timer?.()
    timer = null
    if (!IS_SCRIPT) await parts.recalled
    while (queue.size() > 0) {
      while (clock.needsMeasurement()) if (!(await measure())) return
      const next = queue.batch(parts.batch)
      if (next.length === 0) return
      const batch = next.filter(isOurs).filter(isInTime)
      if (batch.length > 0 && !(await sendBatch(batch))) return
      progress(false)
    }
  }

  /** false = the collector did not answer. */
  async function measure(): Promise<boolean> {
    const sent = clock.read()
    const answer = await request('/v1/time', { method: 'GET' }).catch(
      IS_SCRIPT ? () => null : noAnswer,
    )
    const told = answer && parseTime(answer)
    // A collector that serves the script tells its time.
    if (told === null) {
      if (IS_SCRIPT || mayTellLater(answer)) {
        pause(answer?.retryAfter ?? null)
        return false
      }
      // What is known so far has to do.
      const now = clock.read()
      clock.measure(now, now, clock.bestTimeOf(now))
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
      if (ageMs >= -CLOCKS_DIFFER_MS && ageMs < horizonMs - HORIZON_MARGIN_MS) return true
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

  /** Notes first sendings, before they happen, and returns those events. */
  function begin(batch: readonly QueuedEvent[]): readonly QueuedEvent[] {
    const unsent = batch.filter(({ sent }) => sent === null)
    for (const event of batch) event.isUnderWay = true
    for (const event of unsent) {
      event.timestamp ??= isoText(clock.bestTimeOf(event.moment))
      event.sent = { trueMs: clock.nowMs(), wallMs: environment.wallMs() }
      store?.write(event)
    }
    return unsent
  }

  /** `firstSent`: by the attempt that has surely failed. */
  function takeBack(batch: readonly QueuedEvent[], firstSent: readonly QueuedEvent[]): void {
    for (const event of batch) event.isUnderWay = false
    for (const event of firstSent) {
      if (beaconed.has(event)) continue
      if (store?.isShared && event.place !== null) continue
      event.sent = null
      if (queue.has(event)) store?.write(event)
    }
  }

  /** false = failed: pause. */
  async function sendBatch(batch: readonly QueuedEvent[]): Promise<boolean> {
    const firstSent = begin(batch)
    if (!IS_SCRIPT) {
      requested = batch
      await store?.written?.()
    }
    const body = bodyOf(batch)
    const init = { method: 'POST', body, headers: { 'Content-Type': BODY_TYPE } }
    const answer = await request('/v1/events', init).catch(IS_SCRIPT ? () => null : noAnswer)
    if (!IS_SCRIPT) requested = []
    const meaning = answer === null ? 'unknown' : meaningOf(answer)
    if (meaning === 'not-taken' || meaning === 'unknown') {
      takeBack(batch, meaning === 'unknown' ? [] : firstSent)
      if (!IS_SCRIPT && answer !== null && meaning === 'unknown') {
        warnOnce(`${answer.status}`, `${parts.url} answered events with ${answer.status}`)
      }
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
      const told = `${status}: ${text.slice(0, 300)}`
      warnOnce(`${status}`, IS_SCRIPT ? told : `the collector refused events with ${told}`)
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
      warnOnce(reason, IS_SCRIPT ? reason : `the collector rejected an event: ${reason}`)
  }

  function beacon(): void {
    if (page === null || environment.steadyMs() < notBeforeMs) return
    if (!IS_SCRIPT && store?.isLate) return void run()
    const batch = beaconBatch()
    if (batch.length === 0) return
    const idle = batch.filter(({ isUnderWay }) => !isUnderWay)
    const firstSent = begin(batch)
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
      if (!event.isUnderWay && !isOurs(event)) continue
      // Sent before, perhaps by another page, or before the device slept: how long ago?
      if (event.sent !== null && clock.needsMeasurement()) continue
      if (!event.isUnderWay && !isInTime(event)) continue
      batch.push(event)
      bytes += event.bytes
    }
    return batch
  }

  function resume(): void {
    for (const event of beaconed) event.isUnderWay = !IS_SCRIPT && requested.includes(event)
    beaconed.clear()
    if (queue.size() > 0) wake()
  }

  return {
    wake,
    run,
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
  const { accepted, error } = parseJson(text) as { accepted?: number; error?: { code?: string } }
  // The page of a captive portal or a proxy has no `accepted`.
  if (status < 300) return accepted === undefined ? 'unknown' : 'taken'
  if (status === 429) return 'not-taken'
  if (status >= 500 || status === 408 || status === 425) {
    return status === 503 && NOT_TAKEN.includes(error?.code ?? '') ? 'not-taken' : 'unknown'
  }
  // A proxy's error page has no code.
  return error?.code === undefined ? 'unknown' : 'refused'
}

function mayTellLater(answer: Answer | null): boolean {
  if (answer === null || answer.status === 429) return true
  // A captive portal answers 200.
  return answer.status < 300 || answer.status >= 500
}

type Told = Readonly<{ nowMs: number; dedupeHorizonMs: number }>

/** null where there is no such route, or something else answers. */
function parseTime({ text }: Answer): Told | null {
  const told = parseJson(text) as Told
  return told.nowMs > 0 && told.dedupeHorizonMs > 0 ? told : null
}

/** An object, also for what is no JSON. */
function parseJson(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Seconds or a date (RFC 9110, 10.2.3); 0 where there is none. */
function retryAfterMs(header: string | null, wallMs: number): number {
  const seconds = Number(header)
  const ms =
    !IS_SCRIPT && Number.isNaN(seconds) ? Date.parse(header as string) - wallMs : seconds * 1000
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0
}

function bodyOf(batch: readonly QueuedEvent[]): string {
  return batch.map(eventLine).join('\n')
}
