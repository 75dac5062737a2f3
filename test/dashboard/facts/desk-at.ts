/** A desk over tables in memory, with a clock that stands where a test puts it. */
import assert from 'node:assert/strict'
import { Desk, type DeskOptions } from '../../../src/dashboard/facts/desk.ts'
import type { LiveFacts } from '../../../src/dashboard/facts/facts.ts'
import { type MemoryLake, openMemoryLake } from './memory-lake.ts'

export const MINUTE_US = 60_000_000

/** 2026-11-22T10:22:30Z, in the middle of a window. */
export const NOON_US: number = Date.UTC(2026, 10, 22, 10, 22, 30) * 1000

export type DeskAt = Readonly<{
  desk: Desk
  lake: MemoryLake
  clock: { us: number }
  told: readonly LiveFacts[]
  /** The answer to a question that has one. */
  ask<T>(path: string, query?: string, waiting?: boolean): Promise<T>
  windowUs: number
}>

export function openDeskAt(
  options: { windowUs?: number; nowUs?: number; limits?: DeskOptions['limits'] } = {},
): DeskAt {
  const windowUs = options.windowUs ?? 5 * MINUTE_US
  const clock = { us: options.nowUs ?? NOON_US }
  const told: LiveFacts[] = []
  const lake = openMemoryLake({ windowUs, tell: (message) => desk.take(message) })
  const desk = new Desk({
    sums: lake.sums,
    windowUs,
    nowUs: () => clock.us,
    onLive: (live) => told.push(live),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  })

  async function ask<T>(path: string, query = '', waiting = false): Promise<T> {
    const answer = await desk.answer(path, query, waiting)
    const text = Buffer.from(answer.body).toString('utf8')
    assert.equal(answer.status, 200, text)
    return JSON.parse(text) as T
  }

  return { desk, lake, clock, told, ask, windowUs }
}
