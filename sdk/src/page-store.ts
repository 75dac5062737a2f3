/**
 * Events in localStorage, written before the call returns. What a closed tab has left is taken over
 * by the next page.
 *
 * A page holds a Web Lock on each slot whose events it sends, and the browser frees it when the page
 * ends. Where there are no Web Locks (plain http), nobody knows whether a slot's page still lives:
 * both send, deduplication absorbs it, and each looks for what the other has noted before it sends.
 */
import type { LocalStorage } from './environment.ts'
import type { QueuedEvent } from './event.ts'
import { restoredEvent, type Store, type StoreParts, storedText, storeName } from './store.ts'

/** A new page has its lock by then: a slot that is still free was left by its page. */
const LEFT_AFTER_MS = 1_000

/** null where there is no storage. */
export function openPageStore(parts: StoreParts): Store | null {
  const storage = parts.environment.localStorage()
  return storage === null ? null : storeIn(storage, parts)
}

function storeIn(storage: LocalStorage, { environment, url, takeOver }: StoreParts): Store {
  const { locks } = environment
  /** Is a key as well: where it is missing, the storage was cleared. */
  const prefix = `${storeName(url)} `
  let slot: string | null = null
  let next = 0
  let visits = 0

  function newKey(): string {
    if (slot === null) {
      slot = `${prefix}${environment.uuid().slice(0, 8)} `
      void locks?.take(slot)
      storage.setItem(prefix, '')
    }
    return slot + next++
  }

  function remove({ place }: QueuedEvent): void {
    try {
      if (place !== null) storage.removeItem(place)
    } catch {
      // A later page sends it once more, as a repeat.
    }
  }

  function restored(key: string): QueuedEvent | null {
    return restoredEvent(key, storage.getItem(key), environment)
  }

  function keysBelow(start: string): string[] {
    const keys = Array.from(storage as ArrayLike<unknown>, (_, at) => storage.key(at) as string)
    return keys.filter((key) => key !== prefix && key.startsWith(start))
  }

  async function takeOverSlots(slots: ReadonlySet<string>, visit: number): Promise<void> {
    for (const other of slots) {
      if (other === slot || (await locks?.take(other)) === false) continue
      if (visit !== visits) return
      const events = keysBelow(other)
        .map(restored)
        .filter((event) => event !== null)
        .sort((one, two) => one.moment.steadyMs - two.moment.steadyMs)
      takeOver(events)
    }
  }

  return {
    isShared: locks === null,
    write(event) {
      try {
        event.place ??= newKey()
        storage.setItem(event.place, storedText(event))
      } catch {
        // What is stored of it, if anything, is out of date.
        remove(event)
        event.place = null
      }
    },
    remove,
    isOurs(event) {
      if (locks !== null || event.place === null) return true
      try {
        if (storage.getItem(event.place) === null) return storage.getItem(prefix) === null
        const noted = restored(event.place)
        if (noted?.sent) {
          event.sent = noted.sent
          event.timestamp = noted.timestamp
        }
      } catch {
        // Then nobody else can read it either.
      }
      return true
    },
    open() {
      const visit = visits
      try {
        const slots = new Set(keysBelow(prefix).map((key) => key.replace(/[^ ]*$/, '')))
        environment.after(LEFT_AFTER_MS, () => {
          takeOverSlots(slots, visit).catch(() => {})
        })
      } catch {
        // Nothing can be read, so nothing was left.
      }
    },
    leave() {
      visits++
      slot = null
      locks?.release()
      return true
    },
  }
}
