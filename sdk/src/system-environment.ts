/** The environment that this code runs in: a page, or whatever an app or a server offers. */
import { ANSWER_TIMEOUT_MS, type Answer, type Environment, uuidOf } from './environment.ts'
import { pageEnvironment, pageStorage } from './page-environment.ts'

type World = {
  performance: { now(): number }
  process: { on?: (name: string, listener: () => void) => unknown }
  console: { warn(text: string): void }
}

/** Reads globals once. */
export function systemEnvironment(): Environment {
  if (typeof document !== 'undefined') return pageEnvironment()
  const { performance, process, console } = globalThis as unknown as Partial<World>
  return {
    request,
    wallMs: () => Date.now(),
    steadyMs: performance === undefined ? () => Date.now() : () => performance.now(),
    after(ms, run, keepsAlive = false) {
      const timer: unknown = setTimeout(run, ms)
      if (!keepsAlive) (timer as { unref?: () => void }).unref?.()
      return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
    },
    random: () => Math.random(),
    uuid,
    byteLength: utf8Bytes,
    report: (message) => console?.warn(`campaign-metrics: ${message}`),
    onExit: (listener) => void process?.on?.('beforeExit', listener),
    localStorage: pageStorage,
    locks: null,
    refusesTracking: () => false,
    page: null,
  }
}

/** Rejects after a minute without an answer. */
async function request(url: string, init: RequestInit): Promise<Answer> {
  const abort = typeof AbortController === 'undefined' ? null : new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`))
      abort?.abort()
    }, ANSWER_TIMEOUT_MS)
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

/** With the best randomness there is. */
function uuid(): string {
  const { crypto } = globalThis as { crypto?: Partial<Crypto> }
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID()
  return uuidOf(() =>
    crypto?.getRandomValues === undefined
      ? Math.floor(Math.random() * 256)
      : (crypto.getRandomValues(new Uint8Array(1))[0] as number),
  )
}

/** Without TextEncoder, which React Native may lack. */
function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
