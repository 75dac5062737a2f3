/**
 * Lakes in folders of their own, and events encoded by hand into PLAIN pages, for the tests of the
 * table room.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { DayRows, EncodedColumn } from '../../src/event.ts'
import type { SnapshotTimes } from '../../src/table/snapshot-times.ts'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
import {
  type DataFile,
  dayOfUs,
  type Lake,
  type LakeOptions,
  type LakePlaces,
  type MetricsRow,
  openLake,
  type ReaderLimits,
} from '../../src/table.ts'
import { placesIn } from '../support/places.ts'

export const DAY_US = 86_400_000_000
export const WINDOW_US = 300_000_000
/** 2026-11-22T12:00:00Z */
export const NOON_US = 1_795_348_800_000_000

export type EventRow = Readonly<{
  eventId: string
  userId: string
  campaignId: string
  eventType: string
  timestampUs: number
  revenue: number
  platform: string | null
  country: string | null
  deviceType: string | null
}>

export function eventRow(fields: Partial<EventRow> = {}): EventRow {
  return {
    eventId: 'e-1',
    userId: 'u-1',
    campaignId: 'c-1',
    eventType: 'impression',
    timestampUs: NOON_US,
    revenue: 0,
    platform: 'web',
    country: 'DE',
    deviceType: null,
    ...fields,
  }
}

export function metricsRow(fields: Partial<MetricsRow> = {}): MetricsRow {
  return {
    campaignId: 'c-1',
    windowStartUs: NOON_US,
    impressions: 10,
    clicks: 4,
    conversions: 1,
    revenueMillionths: 2_500_000n,
    processedAtUs: NOON_US + 1,
    ...fields,
  }
}

/** Does not wait for the disk, so that hundreds of commits take seconds. */
export function hasty(): Storage {
  return {
    ...openDiskStorage(),
    async write(file, chunks) {
      mkdirSync(path.dirname(file), { recursive: true })
      const bytes = Buffer.concat(chunks)
      writeFileSync(file, bytes, { flag: 'wx' })
      return bytes.length
    },
    async syncFolders() {},
  }
}

/** Snapshots are as old as their timestamps say. */
export function wallTimes(nowMs: number): SnapshotTimes {
  return { nowMs, bornMs: ({ timestampMs }) => timestampMs }
}

/** Removes files as soon as no snapshot needs them. */
export const NO_GRACE: ReaderLimits = { graceMs: 0, bytesMax: 2 ** 30, diskReserveBytes: 0 }

/** All rows must be of one day. */
export function dayRows(rows: readonly EventRow[], arrivalUs: number = NOON_US): DayRows {
  return {
    day: dayOfUs(rows[0]!.timestampUs),
    rows: rows.length,
    arrivalMinUs: arrivalUs,
    arrivalMaxUs: arrivalUs,
    columns: [
      strings(
        'event_id',
        rows.map((row) => row.eventId),
      ),
      strings(
        'user_id',
        rows.map((row) => row.userId),
      ),
      strings(
        'campaign_id',
        rows.map((row) => row.campaignId),
      ),
      strings(
        'event_type',
        rows.map((row) => row.eventType),
      ),
      longs(
        'timestamp',
        rows.map((row) => row.timestampUs),
      ),
      doubles(
        'revenue',
        rows.map((row) => row.revenue),
      ),
      strings(
        'platform',
        rows.map((row) => row.platform),
      ),
      strings(
        'country',
        rows.map((row) => row.country),
      ),
      strings(
        'device_type',
        rows.map((row) => row.deviceType),
      ),
    ],
  }
}

function strings(name: string, values: readonly (string | null)[]): EncodedColumn {
  const encoded = values.map((value) => (value === null ? null : Buffer.from(value)))
  const ordered = encoded.filter((value) => value !== null).toSorted(Buffer.compare)
  const body = encoded.map((value) => (value === null ? Buffer.alloc(0) : withLength(value)))
  return plain(name, values, Buffer.concat(body), ordered[0] ?? null, ordered.at(-1) ?? null)
}

function longs(name: string, values: readonly number[]): EncodedColumn {
  const encoded = values.map((value) => int64(value))
  const [min, max] = [Math.min(...values), Math.max(...values)]
  return plain(name, values, Buffer.concat(encoded), int64(min), int64(max))
}

function doubles(name: string, values: readonly number[]): EncodedColumn {
  const encoded = values.map((value) => float64(value))
  const [min, max] = [Math.min(...values), Math.max(...values)]
  return plain(name, values, Buffer.concat(encoded), float64(min), float64(max))
}

function plain(
  name: string,
  values: readonly unknown[],
  body: Buffer,
  min: Buffer | null,
  max: Buffer | null,
): EncodedColumn {
  // One RLE run of length 1 for each definition level: short to write, and right.
  const levels = Buffer.concat(values.map((value) => Buffer.of(2, value === null ? 0 : 1)))
  const bytes = Buffer.concat([withLength(levels), body])
  const nullCount = values.filter((value) => value === null).length
  const stats = { values: values.length, nullCount, min, max }
  return { name, ...stats, pages: [{ kind: 'data', encoding: 'PLAIN', bytes, ...stats }] }
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

/** One commit that adds an events file and a metrics file, and removes none. */
export async function commitRows(
  lake: Lake,
  day: DayRows,
  metricsRows: readonly MetricsRow[],
  commitId: string,
): Promise<Readonly<{ events: DataFile; metrics: DataFile }>> {
  const events = await lake.writeEventsFile(day)
  const metrics = await lake.writeMetricsFile(day.day, metricsRows)
  await lake.commit({
    events: { add: [events], remove: [] },
    metrics: { add: [metrics], remove: [] },
    summary: {},
    commitId,
  })
  return { events, metrics }
}

/** A folder that is removed when the test ends, and lakes in it. */
export type Place = LakePlaces &
  Readonly<{
    folder: string
    catalogPath: string
    warehousePath: string
    open(options?: Partial<LakeOptions>): Promise<Lake>
  }>

type Cleanup = Readonly<{ after(clean: () => Promise<void>): void }>

export async function openPlace(test: Cleanup): Promise<Place> {
  const folder = await mkdtemp(path.join(tmpdir(), 'table-'))
  const opened: Lake[] = []
  test.after(async () => {
    for (const lake of opened) await lake.close().catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })
  const catalogPath = path.join(folder, 'catalog.db')
  const warehousePath = path.join(folder, 'warehouse')
  const places = placesIn(folder)
  return {
    ...places,
    folder,
    catalogPath,
    warehousePath,
    async open(options = {}) {
      const lake = await openLake({
        ...places,
        windowUs: WINDOW_US,
        writer: 'embedded',
        nowUs: () => NOON_US,
        pause: async () => {},
        ...options,
      })
      opened.push(lake)
      return lake
    },
  }
}
