/** Says that a catalog keeps us waiting, whatever makes it: a lock of another process, a server that does not answer. */

/** What is said instead of the general words, where more is known; null where it no longer is. */
export type SayReason = (reason: string | null) => void

/** A transaction takes milliseconds. */
const SAY_INTERVAL_MS = 1_000

/** Tells `onWait` every second that `act` has not ended, and null once it has. */
export async function sayingWait<T>(
  catalog: string,
  onWait: (reason: string | null) => void,
  act: (say: SayReason) => Promise<T>,
): Promise<T> {
  let seconds = 0
  let known: string | null = null
  const saying = setInterval(() => {
    seconds++
    onWait(known ?? generalWords(catalog, seconds))
  }, SAY_INTERVAL_MS)
  try {
    return await act((reason) => {
      known = reason
    })
  } finally {
    clearInterval(saying)
    if (seconds > 0) onWait(null)
  }
}

function generalWords(catalog: string, seconds: number): string {
  return (
    `the catalog ${catalog} has kept this process waiting for ${seconds} s: another process holds a lock on it, or it does not ` +
    'answer. Events wait in the log'
  )
}
