/** One at a time: work given here runs in the order it came, each after the one before has ended. */

export type Mutex = <T>(work: () => Promise<T>) => Promise<T>

export function openMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }
}
