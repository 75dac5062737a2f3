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

export type Timer = Readonly<{ cancel(): void }>

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

/** Storage of the page's origin. Every call may throw. */
export type LocalStorage = Readonly<{
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
  keys(): string[]
}>

/** Web Locks: a name belongs to one page at a time, and becomes free when that page ends. */
export type Locks = Readonly<{
  /** false = another page has it, or it was released meanwhile. */
  take(name: string): Promise<boolean>
  /** Gives up all of them: a page that holds one cannot enter the back/forward cache. */
  release(): void
}>

export type Environment = Readonly<{
  /** Rejects when there was no answer. */
  request(url: string, init: RequestInit): Promise<Answer>
  /** The time of day of this device, which may be wrong and may be set. */
  wallMs(): number
  /** Only goes forward, and cannot be set. */
  steadyMs(): number
  /** Does not keep a process alive, unless `keepsAlive`. */
  after(ms: number, run: () => void, keepsAlive?: boolean): Timer
  /** In [0, 1). */
  random(): number
  uuid(): string
  warn(message: string): void
  /** Called when a process would end by itself, and again after what the listener has started. */
  onExit(listener: () => void): void
  /** Touches the storage; null where there is none, or where it must not be used. */
  localStorage(): LocalStorage | null
  /** null where there are none, such as on plain http. */
  locks: Locks | null
  /** Global Privacy Control. */
  refusesTracking(): boolean
  page: Page | null
}>

const ANSWER_TIMEOUT_MS = 60_000

/** Of a storage that answers later. */
const STORAGE_TIMEOUT_MS = 5_000

/** Resolves once `work` has ended, whichever way, or has taken too long. */
export function settledWithin(environment: Environment, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = environment.after(STORAGE_TIMEOUT_MS, resolve, true)
    const done = (): void => {
      timer.cancel()
      resolve()
    }
    work.then(done, done)
  })
}

/** The environment that this code runs in. Reads globals once. */
export function systemEnvironment(): Environment {
  const world = globalThis as unknown as Partial<World>
  const { performance, process, console } = world
  return {
    request: (url, init) => requestWithin(url, init, ANSWER_TIMEOUT_MS),
    wallMs: () => Date.now(),
    steadyMs: performance === undefined ? () => Date.now() : () => performance.now(),
    after(ms, run, keepsAlive = false) {
      const timer: unknown = setTimeout(run, ms)
      if (!keepsAlive) (timer as { unref?: () => void }).unref?.()
      return { cancel: () => clearTimeout(timer as ReturnType<typeof setTimeout>) }
    },
    random: () => Math.random(),
    uuid,
    warn: (message) => console?.warn(`campaign-metrics: ${message}`),
    onExit: (listener) => void process?.on?.('beforeExit', listener),
    localStorage: pageStorage,
    locks: world.navigator?.locks === undefined ? null : webLocks(world.navigator.locks),
    refusesTracking: () => world.navigator?.globalPrivacyControl === true,
    page: typeof world.document === 'undefined' ? null : browserPage(world as BrowserWorld),
  }
}

type World = {
  document: Document & { prerendering?: boolean }
  navigator: Navigator & { globalPrivacyControl?: boolean }
  performance: { now(): number }
  process: { on?: (name: string, listener: () => void) => unknown }
  console: { warn(text: string): void }
  addEventListener: Window['addEventListener']
  crypto: Partial<Crypto>
}
type BrowserWorld = Pick<World, 'document' | 'navigator' | 'addEventListener'>

async function requestWithin(url: string, init: RequestInit, limitMs: number): Promise<Answer> {
  const abort = typeof AbortController === 'undefined' ? null : new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${limitMs} ms`))
      abort?.abort()
    }, limitMs)
  })
  const answered = fetch(url, abort === null ? init : { ...init, signal: abort.signal }).then(
    async (response) => ({
      status: response.status,
      retryAfter: response.headers?.get('retry-after') ?? null,
      text: await response.text(),
    }),
  )
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A version 4 UUID, with the best randomness there is. */
function uuid(): string {
  const { crypto } = globalThis as unknown as Partial<World>
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID()
  const bytes = new Uint8Array(16)
  if (crypto?.getRandomValues !== undefined) crypto.getRandomValues(bytes)
  else for (let at = 0; at < 16; at++) bytes[at] = Math.random() * 256
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function pageStorage(): LocalStorage | null {
  try {
    const { localStorage } = globalThis
    return (
      localStorage && {
        getItem: (key) => localStorage.getItem(key),
        setItem: (key, value) => localStorage.setItem(key, value),
        removeItem: (key) => localStorage.removeItem(key),
        keys: () => Object.keys(localStorage),
      }
    )
  } catch {
    return null
  }
}

function webLocks(locks: LockManager): Locks {
  let held: (() => void)[] = []
  return {
    take(name) {
      const before = held
      return new Promise((resolve) => {
        locks
          .request(name, { ifAvailable: true }, (lock) => {
            const isWanted = lock !== null && held === before
            resolve(isWanted)
            return isWanted ? new Promise<void>((release) => held.push(release)) : undefined
          })
          .catch(() => resolve(false))
      })
    },
    release() {
      for (const release of held) release()
      held = []
    },
  }
}

function browserPage({ document, navigator, addEventListener }: BrowserWorld): Page {
  const on = (name: string, listener: (event: PageTransitionEvent) => void): void =>
    addEventListener.call(globalThis as unknown as Window, name, listener as EventListener)
  const onVisibility = (state: DocumentVisibilityState, listener: () => void): void =>
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === state) listener()
    })
  return {
    isPrerendering: () => document.prerendering === true,
    beacon: (url, body) => navigator.sendBeacon?.(url, body) ?? false,
    onActivated: (listener) =>
      document.addEventListener('prerenderingchange', listener, { once: true }),
    onHidden: (listener) => onVisibility('hidden', listener),
    onGone: (listener) => on('pagehide', listener),
    onVisible: (listener) => onVisibility('visible', listener),
    onRestored: (listener) =>
      on('pageshow', (event) => {
        if (event.persisted) listener()
      }),
  }
}
