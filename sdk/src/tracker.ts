/**
 * The tracker that a page, an app or a server calls: turns calls into queued events at the moment
 * they happen, and hands them to the sender. Nothing here throws into the code that calls it.
 */
import type { AppStorage } from './app-store.ts'
import { createClock } from './clock.ts'
import { type Environment, settledWithin } from './environment.ts'
import { type EventFields, type EventType, isoText, type QueuedEvent, REST_BYTES } from './event.ts'
import { openPageStore } from './page-store.ts'
import { createQueue } from './queue.ts'
import { type Counts, createSender } from './sender.ts'
import type { OpenStore } from './store.ts'
import { IS_SCRIPT } from './target.ts'
import { appUser, pageUser } from './user.ts'
import { createWaiters } from './waiters.ts'

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
/** `fetch` takes no address with a password. */
const COLLECTOR_URL = /^https?:\/\/[^\s@]+$/i

export function openTracker(
  options: TrackerOptions,
  environment: Environment,
  openStore: OpenStore = openPageStore,
): Tracker {
  const { page } = environment
  const usual = IS_SCRIPT || page !== null ? IN_PAGES : ON_SERVERS
  const counts: Counts = { accepted: 0, rejected: 0, refused: 0, dropped: 0, unresolved: 0 }
  const clock = createClock(environment.wallMs, environment.steadyMs)
  const bound = IS_SCRIPT
    ? usual.queue
    : {
        events: options.queueEvents ?? usual.queue.events,
        bytes: options.queueBytes ?? usual.queue.bytes,
      }
  const queue = createQueue(bound, (event) => sender.forget(event))
  const url = IS_SCRIPT ? options.url : `${options.url}`.replace(/\/+$/, '')
  if (!IS_SCRIPT && !COLLECTOR_URL.test(url)) {
    environment.report(`url is ${url}, and not like https://events.example.org: nothing is sent`)
  }
  const store = options.persist ? openStore({ environment, url, takeOver }) : null
  let sequence = 0
  const { storage } = options
  let userId = environment.uuid()
  const pageUserId =
    options.remember && (IS_SCRIPT || !storage) ? pageUser(url, userId, environment) : null
  let isRemembered = pageUserId !== null
  userId = pageUserId ?? userId
  const recalled =
    !IS_SCRIPT && options.remember && storage
      ? settledWithin(environment, recallUser(storage))
      : null
  const waiters = IS_SCRIPT ? null : createWaiters(queue, bound)

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
    flushIntervalMs: (IS_SCRIPT ? null : options.flushIntervalMs) ?? usual.flushIntervalMs,
    pauseMaxMs: usual.pauseMaxMs,
    onProgress: waiters?.settle ?? null,
  })

  function record(type: EventType, fields: EventFields): void {
    if (IS_SCRIPT) {
      add(queued(type, fields))
      return
    }
    try {
      const event = queued(type, { ...options.defaults, ...given(fields) })
      if (event.bytes <= EVENT_BYTES_MAX) {
        add(event)
        return
      }
      environment.report(`an event may hold ${EVENT_BYTES_MAX} bytes, not ${event.bytes}`)
    } catch (cause) {
      environment.report(`an event could not be recorded: ${cause}`)
    }
    counts.rejected++
  }

  function add(event: QueuedEvent): void {
    // Written first: the queue may drop it at once.
    store?.write(event)
    queue.add(event)
    sender.wake()
  }

  function queued(type: EventType, fields: EventFields): QueuedEvent {
    const { event_id = environment.uuid(), user_id = userId, timestamp, ...rest } = fields
    const moment = clock.read()
    const timeMs = clock.timeOf(moment)
    const body = JSON.stringify({ ...rest, event_id, event_type: type })
    return {
      sequence: IS_SCRIPT ? 0 : ++sequence,
      type,
      body,
      bytes: environment.byteLength(body + user_id) + REST_BYTES,
      moment,
      userId: user_id,
      timestamp:
        (IS_SCRIPT ? null : timestampOf(timestamp)) ?? (timeMs === null ? null : isoText(timeMs)),
      sent: null,
      isUnderWay: false,
      place: null,
    }
  }

  /** A storage may answer after the first calls: their events get the user as well. */
  async function recallUser(storage: AppStorage): Promise<void> {
    const fresh = userId
    const remembered = await appUser(storage, url, fresh, environment)
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
    for (const event of [...queue.all()]) if (event.place !== null) queue.remove(event)
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
  if (page?.isPrerendering()) page.onActivated(() => store?.open())
  else store?.open()

  const calls = {
    impression: call('impression'),
    click: call('click'),
    conversion: call('conversion'),
    counts: () => ({ ...counts, waiting: queue.size() }),
  }
  // Nobody waits for a script.
  if (waiters === null) return calls as Tracker
  return {
    ...calls,
    flush() {
      const flushed = waiters.flushed(sequence)
      void sender.run()
      return flushed
    },
    ready: waiters.ready,
  }
}

/** Those with a value: `undefined` leaves a default as it is. JSON would make NaN an absent field. */
function given(fields: EventFields): EventFields {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  for (const [name, value] of present) {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new TypeError(`${name}: ${value}`)
  }
  return Object.fromEntries(present)
}

function timestampOf(given: Date | string | undefined): string | null {
  if (given === undefined) return null
  return typeof given === 'string' ? given : given.toISOString()
}
