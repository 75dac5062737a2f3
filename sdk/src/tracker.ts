/**
 * The tracker that a page, an app or a server calls: turns calls into queued events at the moment
 * they happen, and hands them to the sender. Nothing here throws into the code that calls it.
 */
import type { AppStorage } from './app-store.ts'
import { createClock } from './clock.ts'
import { type Environment, settledWithin } from './environment.ts'
import { type EventFields, type EventType, eventBytes, isoText, type QueuedEvent } from './event.ts'
import { openPageStore } from './page-store.ts'
import { createQueue } from './queue.ts'
import { type Counts, createSender } from './sender.ts'
import type { OpenStore } from './store.ts'
import { rememberedUser } from './user.ts'

export type TrackerOptions = Readonly<{
  /** Of the collector: `https://events.example.org`. */
  url: string
  /** A page key or a write key; none where the collector asks for none. */
  key?: string
  /** Fields of every event, unless the call gives them. */
  defaults?: EventFields
  /** Keeps what waits in `storage`, for the next page or start. */
  persist?: boolean
  /** Keeps the random `user_id` in `storage`; never under Global Privacy Control. */
  remember?: boolean
  /** Such as AsyncStorage. Default: localStorage. Used for `persist` and `remember` only. */
  storage?: AppStorage
  /** How many events wait at most. Default: 10,000; on servers 100,000. */
  queueEvents?: number
  /** How many bytes of events wait at most. Default: 2.5 MB; on servers 64 MB. */
  queueBytes?: number
  /** How long an event waits for others at most. Default: 2,000; on servers 500. */
  flushIntervalMs?: number
}>

export type Tracker = Readonly<{
  impression(fields?: EventFields): void
  click(fields?: EventFields): void
  conversion(fields?: EventFields): void
  /**
   * Sends what waits. Resolves once the events so far are answered, or once an attempt has failed;
   * what is left is sent again later.
   */
  flush(): Promise<void>
  /** Back-pressure: resolves while at most half of the bound is used. */
  ready(): Promise<void>
  counts(): Readonly<Counts & { waiting: number }>
}>

type Limits = Readonly<{
  queue: Readonly<{ events: number; bytes: number }>
  batch: Readonly<{ events: number; bytes: number }>
  flushIntervalMs: number
  pauseMaxMs: number
}>

const IN_PAGES: Limits = {
  queue: { events: 10_000, bytes: 2_500_000 },
  batch: { events: 100, bytes: 60 * 1024 },
  flushIntervalMs: 2_000,
  pauseMaxMs: 5 * 60_000,
}
/** Few, and busy: a long pause after a short outage would fill the queue. */
const ON_SERVERS: Limits = {
  queue: { events: 100_000, bytes: 64_000_000 },
  batch: { events: 1_000, bytes: 512 * 1024 },
  flushIntervalMs: 500,
  pauseMaxMs: 10_000,
}
/** The collector's limit. */
const EVENT_BYTES_MAX = 32 * 1024
const READY_FILL = 0.5
/** Attempts when the process ends, one second apart and then two. */
const EXIT_ATTEMPTS = 3
const EXIT_PAUSE_MS = 1_000

export function openTracker(
  options: TrackerOptions,
  environment: Environment,
  openStore: OpenStore = openPageStore,
): Tracker {
  const { page } = environment
  const usual = page === null ? ON_SERVERS : IN_PAGES
  const counts: Counts = { accepted: 0, rejected: 0, refused: 0, dropped: 0, unresolved: 0 }
  const clock = createClock(environment.wallMs, environment.steadyMs)
  const queue = createQueue(
    {
      events: options.queueEvents ?? usual.queue.events,
      bytes: options.queueBytes ?? usual.queue.bytes,
    },
    (event) => sender.forget(event),
  )
  const url = options.url.replace(/\/+$/, '')
  const store = options.persist ? openStore({ environment, url, takeOver }) : null
  let sequence = 0
  let userId = environment.uuid()
  let isRemembered = false
  const recalled = options.remember ? settledWithin(environment, recallUser()) : null
  let waitingForRoom: (() => void)[] = []

  const sender = createSender({
    url,
    key: options.key ?? null,
    environment,
    clock,
    queue,
    store,
    recalled,
    counts,
    batch: usual.batch,
    flushIntervalMs: options.flushIntervalMs ?? usual.flushIntervalMs,
    pauseMaxMs: usual.pauseMaxMs,
    lastSequence: () => sequence,
    onProgress() {
      if (queue.fill() > READY_FILL) return
      for (const resolve of waitingForRoom) resolve()
      waitingForRoom = []
    },
  })

  function record(type: EventType, fields: EventFields): void {
    try {
      const event = queued(type, { ...options.defaults, ...fields })
      if (event.bytes > EVENT_BYTES_MAX) {
        counts.rejected++
        environment.warn(`an event may hold ${EVENT_BYTES_MAX} bytes, not ${event.bytes}`)
        return
      }
      // Written first: the queue may drop it at once.
      store?.write(event)
      queue.add(event)
      sender.wake()
    } catch (cause) {
      counts.rejected++
      environment.warn(`an event could not be recorded: ${cause}`)
    }
  }

  function queued(type: EventType, fields: EventFields): QueuedEvent {
    const { event_id = environment.uuid(), user_id = userId, timestamp, ...rest } = fields
    const moment = clock.read()
    const timeMs = clock.timeOf(moment)
    const body = JSON.stringify({ event_id, event_type: type, ...rest })
    return {
      sequence: ++sequence,
      type,
      body,
      bytes: eventBytes(body, user_id),
      moment,
      userId: user_id,
      timestamp: timestampOf(timestamp) ?? (timeMs === null ? null : isoText(timeMs)),
      sent: null,
      isUnderWay: false,
      key: null,
    }
  }

  /** A storage may answer after the first calls: their events get the user as well. */
  async function recallUser(): Promise<void> {
    const storage = options.storage ?? environment.localStorage()
    if (storage === null) return
    const fresh = userId
    const remembered = await rememberedUser(storage, url, fresh, environment)
    if (remembered === null) return
    isRemembered = true
    userId = remembered
    for (const event of queue.all()) {
      if (event.userId !== fresh || event.sent !== null || userId === fresh) continue
      event.userId = userId
      store?.write(event)
    }
  }

  function takeOver(events: readonly QueuedEvent[]): void {
    if (events.length === 0) return
    queue.addOldest(events)
    sender.wake()
  }

  /** What is stored may be sent by others from now on. */
  function leave(): void {
    if (!store?.leave()) return
    for (const event of [...queue.all()]) if (event.key !== null) queue.remove(event)
  }

  /** A prerendered page has not been seen: its events happen when it is. */
  function call(type: EventType): (fields?: EventFields) => void {
    return (fields = {}) => {
      if (page?.isPrerendering()) page.onActivated(() => record(type, fields))
      else record(type, fields)
    }
  }

  if (page !== null) {
    page.onHidden(sender.beacon)
    page.onGone(() => {
      sender.beacon()
      leave()
    })
    page.onVisible(sender.resume)
    page.onRestored(() => {
      if (!isRemembered) userId = environment.uuid()
      sender.resume()
      // Calls between leaving and returning.
      leave()
      store?.open()
    })
  }
  store?.open()
  let exitAttempts = 0
  environment.onExit(() => {
    if (queue.size() === 0) {
      exitAttempts = 0
    } else if (exitAttempts < EXIT_ATTEMPTS) {
      const pauseMs = exitAttempts * EXIT_PAUSE_MS
      exitAttempts++
      environment.after(pauseMs, () => void sender.flush(), true)
    } else {
      environment.warn(`the process ends; ${queue.size()} events could not be sent`)
    }
  })

  return {
    impression: call('impression'),
    click: call('click'),
    conversion: call('conversion'),
    flush: sender.flush,
    ready() {
      if (queue.fill() <= READY_FILL) return Promise.resolve()
      return new Promise((resolve) => waitingForRoom.push(resolve))
    },
    counts: () => ({ ...counts, waiting: queue.size() }),
  }
}

function timestampOf(given: Date | string | undefined): string | null {
  if (given === undefined) return null
  return typeof given === 'string' ? given : given.toISOString()
}
