/** A service over tables in memory, with a clock that stands where a test puts it. */
import assert from 'node:assert/strict'
import { CellStore } from '../../../src/dashboard/cells/cell-store.ts'
import { openMakeCells } from '../../../src/dashboard/cells/make-cells.ts'
import {
  FiguresService,
  type FiguresServiceOptions,
} from '../../../src/dashboard/figures/figures-service.ts'
import type { LiveUpdate } from '../../../src/dashboard/live/live-updates.ts'
import { type MemoryLake, openMemoryLake } from './memory-lake.ts'

export const MINUTE_US = 60_000_000

/** 2026-11-22T10:22:30Z, in the middle of a window. */
export const NOON_US: number = Date.UTC(2026, 10, 22, 10, 22, 30) * 1000

export type ServiceAt = Readonly<{
  service: FiguresService
  lake: MemoryLake
  clock: { us: number }
  told: readonly LiveUpdate[]
  /** The answer to a question that has one. */
  ask<T>(path: string, query?: string, waiting?: boolean): Promise<T>
  windowUs: number
  cells: CellStore | undefined
}>

export function openServiceAt(
  options: {
    windowUs?: number
    nowUs?: number
    timezone?: string
    limits?: FiguresServiceOptions['limits']
    /** A folder for cells of raw files in every cuboid, however small these are. */
    cellsFolder?: string
  } = {},
): ServiceAt {
  const windowUs = options.windowUs ?? 5 * MINUTE_US
  const clock = { us: options.nowUs ?? NOON_US }
  const told: LiveUpdate[] = []
  const lake = openMemoryLake({ windowUs, tell: (message) => service.take(message) })
  const cells =
    options.cellsFolder === undefined
      ? undefined
      : new CellStore({
          folder: options.cellsFolder,
          bytesMax: 2 ** 30,
          windowUs,
          sumEvents: lake.sums.sumEvents,
          make: openMakeCells(lake.sums.readCells, { cellsMin: 0, shareMax: 1 }),
          nowMs: () => clock.us / 1000,
          pause: async () => {},
          rawRowsMin: 1,
        })
  const service = new FiguresService({
    timezone: options.timezone ?? 'UTC',
    weekStart: null,
    ...(cells === undefined ? {} : { cells }),
    currency: null,
    sums: lake.sums,
    windowUs,
    nowUs: () => clock.us,
    onLive: (live) => told.push(live),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  })

  async function ask<T>(path: string, query = '', waiting = false): Promise<T> {
    const answer = await service.answer(path, query, waiting)
    const text = Buffer.from(answer.body).toString('utf8')
    assert.equal(answer.status, 200, text)
    return JSON.parse(text) as T
  }

  return { service, lake, clock, told, ask, windowUs, cells }
}
