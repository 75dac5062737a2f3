/** Closing what was opened: in reverse order, all of it, whatever fails on the way. */

export type Closing = { close(): unknown }

/** Rethrows the first failure once every one has been closed. */
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
