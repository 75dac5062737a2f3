/**
 * What the SDK needs of the world: fetch, two clocks, timers, random ids, and what a page has
 * beside them. It is passed in, so that tests run on a clock of their own.
 *
 * Every part but `fetch` and the timers may be missing. React Native has `window` without
 * `document`, and no `crypto`; a page on plain http has no `crypto.randomUUID`.
 */

export type Answer = Readonly<{
  status: number
  /** The header `Retry-After`, as it was sent. */
  retryAfter: string | null
  text: string
}>

export type Cancel = () => void

/** A page in a browser. */
export type Page = Readonly<{
  isPrerendering(): boolean
  /** false = the browser did not take it. */
  beacon(url: string, body: string): boolean
  onActivated(listener: () => void): void
  onHidden(listener: () => void): void
  /** The page goes, into the back/forward cache or for good. */
  onGone(listener: () => void): void
  onVisible(listener: () => void): void
  /** It came back from the back/forward cache. */
  onRestored(listener: () => void): void
}>

/** Storage of the page's origin. Every use may throw. */
export type LocalStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>

/** Web Locks: a name belongs to one page at a time, and becomes free when that page ends. */
export type Locks = Readonly<{
  /** false = another page has it, or it was released meanwhile. */
  take(name: string): Promise<boolean>
  /** Gives up all of them: a page that holds one cannot enter the back/forward cache. */
  release(): void
}>

/** A request without an answer has failed after this. */
export const ANSWER_TIMEOUT_MS = 60_000

export type Environment = Readonly<{
  /** Rejects when there was no answer. */
  request(url: string, init: RequestInit): Promise<Answer>
  /** The time of day of this device, which may be wrong and may be set. */
  wallMs(): number
  /** Only goes forward, and cannot be set. */
  steadyMs(): number
  /** Does not keep a process alive, unless `keepsAlive`. */
  after(ms: number, run: () => void, keepsAlive?: boolean): Cancel
  /** In [0, 1). */
  random(): number
  uuid(): string
  /** In UTF-8. */
  byteLength(text: string): number
  report(message: string): void
  /** Called when a process would end by itself, and again after what the listener has started. */
  onExit?(listener: () => void): void
  /** Touches the storage; null where there is none, or where it must not be used. */
  localStorage(): LocalStorage | null
  /** null where there are none, such as on plain http. */
  locks: Locks | null
  /** Global Privacy Control. */
  refusesTracking(): boolean
  page: Page | null
}>

/** Of a storage that answers later. */
const STORAGE_TIMEOUT_MS = 5_000

/** Resolves once `work` has ended, whichever way, or has taken too long. */
export function settledWithin(environment: Environment, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = environment.after(STORAGE_TIMEOUT_MS, resolve, true)
    const done = (): void => {
      cancel()
      resolve()
    }
    work.then(done, done)
  })
}

/** A version 4 UUID. Of `randomByte`, four bits are used a time, or two for the variant. */
export function uuidOf(randomByte: () => number): string {
  return 'xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx'.replace(/[xv]/g, (place) =>
    (place === 'x' ? randomByte() & 15 : (randomByte() & 3) | 8).toString(16),
  )
}
