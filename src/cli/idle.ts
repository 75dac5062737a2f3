/**
 * Notices when a stream has nothing to give for a while, so that what it gave need not wait for
 * more.
 */

/** The parts of `input`; null whenever none came for `idleMs` since the last one. */
export async function* markIdle<Part>(
  input: AsyncIterable<Part>,
  idleMs: number,
): AsyncGenerator<Part | null> {
  const parts = input[Symbol.asyncIterator]()
  try {
    let next = parts.next()
    for (;;) {
      const part = (await within(next, idleMs)) ?? null
      if (part === null) yield null
      const { done, value } = part ?? (await next)
      if (done === true) return
      yield value
      next = parts.next()
    }
  } finally {
    await parts.return?.()
  }
}

/** What `promise` gives, or undefined when the time is up first. */
async function within<T>(promise: Promise<T>, durationMs: number): Promise<T | undefined> {
  const { promise: timeUp, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), durationMs)
  try {
    return await Promise.race([promise, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
