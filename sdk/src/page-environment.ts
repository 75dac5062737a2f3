/** What a page in a browser offers. */
import {
  ANSWER_TIMEOUT_MS,
  type Environment,
  type LocalStorage,
  type Locks,
  type Page,
  uuidOf,
} from './environment.ts'

type BrowserDocument = Document & { prerendering?: boolean }
type BrowserNavigator = Navigator & { globalPrivacyControl?: boolean }

export function pageEnvironment(): Environment {
  return {
    async request(url, init) {
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort(), ANSWER_TIMEOUT_MS)
      try {
        const response = await fetch(url, { ...init, signal: abort.signal })
        return {
          status: response.status,
          retryAfter: response.headers.get('retry-after'),
          text: await response.text(),
        }
      } finally {
        clearTimeout(timer)
      }
    },
    wallMs: () => Date.now(),
    steadyMs: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random,
    // On plain http there is no randomUUID.
    uuid: () => uuidOf(() => crypto.getRandomValues(new Uint8Array(1))[0] as number),
    byteLength: (text) => new TextEncoder().encode(text).length,
    report: (message) => console.warn(`campaign-metrics: ${message}`),
    localStorage: pageStorage,
    locks: navigator.locks ? webLocks(navigator.locks) : null,
    refusesTracking: () => (navigator as BrowserNavigator).globalPrivacyControl === true,
    page: browserPage(),
  }
}

export function pageStorage(): LocalStorage | null {
  try {
    return globalThis.localStorage ?? null
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

function browserPage(): Page {
  const onVisibility = (hidden: boolean, listener: () => void): void =>
    document.addEventListener('visibilitychange', () => {
      if (document.hidden === hidden) listener()
    })
  return {
    isPrerendering: () => (document as BrowserDocument).prerendering === true,
    beacon: (url, body) => navigator.sendBeacon?.(url, body) ?? false,
    onActivated: (listener) =>
      document.addEventListener('prerenderingchange', listener, { once: true }),
    onHidden: (listener) => onVisibility(true, listener),
    onGone: (listener) => addEventListener('pagehide', listener),
    onVisible: (listener) => onVisibility(false, listener),
    onRestored: (listener) =>
      addEventListener('pageshow', ({ persisted }) => {
        if (persisted) listener()
      }),
  }
}
