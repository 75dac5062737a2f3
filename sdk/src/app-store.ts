/**
 * Events in a storage that answers later, such as AsyncStorage in React Native. Calls return at
 * once; writes follow in their order, one at a time. One process uses it at a time.
 *
 *     campaign-metrics URL               [first, end]: numbers that may be in use
 *     campaign-metrics URL NUMBER        an event, as in every store
 *
 * Such a storage need not list its keys, so numbers are reserved in blocks: one write in a hundred
 * changes the range, and a start reads all of it.
 */
import { settledWithin } from './environment.ts'
import type { QueuedEvent } from './event.ts'
import {
  type OpenStore,
  restoredEvent,
  type Store,
  type StoreParts,
  storedText,
  storeName,
} from './store.ts'

/** Each call may answer now or later. */
export type AppStorage = Readonly<{
  getItem(key: string): string | null | Promise<string | null>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}>

const BLOCK = 100

export function openAppStore(storage: AppStorage): OpenStore {
  return (parts) => storeIn(storage, parts)
}

function storeIn(storage: AppStorage, { environment, url, takeOver }: StoreParts): Store {
  const name = storeName(url)
  /** Events whose stored form is not the present one, in order of their changes. */
  const changed = new Set<QueuedEvent>()
  const removed = new WeakSet<QueuedEvent>()
  /** In use, in ascending order. */
  const numbers = new Set<number>()
  let next = 0
  let end = 0
  let state: 'new' | 'loaded' | 'broken' = 'new'
  let working: Promise<void> | null = null

  async function load(): Promise<void> {
    const [first, last] = JSON.parse((await storage.getItem(name)) ?? '[0,0]') as [number, number]
    next = last
    end = last
    const found: QueuedEvent[] = []
    for (let from = first; from < last; from += BLOCK) {
      const block = Array.from({ length: Math.min(BLOCK, last - from) }, (_, at) => from + at)
      const texts = await Promise.all(block.map((number) => storage.getItem(keyOf(number))))
      for (const [at, text] of texts.entries()) {
        const event = restoredEvent(keyOf(from + at), text, environment)
        if (event === null) continue
        numbers.add(from + at)
        found.push(event)
      }
    }
    state = 'loaded'
    takeOver(found)
  }

  function keyOf(number: number): string {
    return `${name} ${number}`
  }

  async function newKey(): Promise<string> {
    const number = next++
    if (number >= end) {
      const [first = number] = numbers
      await storage.setItem(name, JSON.stringify([first, number + BLOCK]))
      end = number + BLOCK
    }
    numbers.add(number)
    return keyOf(number)
  }

  async function work(): Promise<void> {
    try {
      if (state === 'new') await load()
    } catch {
      // Numbers in use are unknown, so nothing is written.
      state = 'broken'
    }
    for (;;) {
      const [event] = changed
      if (event === undefined || state === 'broken') break
      changed.delete(event)
      await bringUpToDate(event)
    }
    working = null
  }

  async function bringUpToDate(event: QueuedEvent): Promise<void> {
    try {
      if (!removed.has(event)) {
        event.place ??= await newKey()
        await storage.setItem(event.place, storedText(event))
        return
      }
    } catch {
      // What is stored of it, if anything, is out of date.
    }
    await erase(event)
  }

  async function erase(event: QueuedEvent): Promise<void> {
    const { place } = event
    if (place === null) return
    event.place = null
    numbers.delete(Number(place.slice(name.length + 1)))
    try {
      await storage.removeItem(place)
    } catch {
      // A later start sends it once more, as a repeat.
    }
  }

  function change(event: QueuedEvent): void {
    if (state === 'broken') return
    changed.add(event)
    working ??= work()
  }

  return {
    isLate: true,
    isShared: false,
    write: change,
    remove(event) {
      removed.add(event)
      change(event)
    },
    isOurs: () => true,
    written: () => working && settledWithin(environment, working),
    open() {
      if (state === 'new') working ??= work()
    },
    leave: () => false,
  }
}
