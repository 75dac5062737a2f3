/** Several acts, each of which may fail: many at once with a bound, or in turn at the end. */

/**
 * `Promise.allSettled` with a bound: so many under way at once, in order. Thousands of files that
 * are written or synced at the same time would each have memory and an open file, and block
 * all other work in libuv's threads.
 */
export async function settleAll<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly PromiseSettledResult<Result>[]> {
  const results = new Array<PromiseSettledResult<Result>>(items.length)
  const rest = items.entries()
  async function work(): Promise<void> {
    for (const [index, item] of rest) {
      const [result] = await Promise.allSettled([act(item)])
      results[index] = result
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work))
  return results
}

/** All values, once all have ended; throws the first failure. */
export async function allOf<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = await settleAll(items, atOnce, act)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

export type Closing = { close(): unknown }

/** Closes in reverse order, all of them, and rethrows the first failure after that. */
export async function closeAll(opened: readonly Closing[]): Promise<void> {
  const failures: unknown[] = []
  for (const room of opened.toReversed()) {
    try {
      await room.close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
