/**
 * Writes and reads the data files of both tables. A file written here is in its table only once a
 * commit adds it.
 */
import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import type { DayRows, EncodedColumn } from '../event.ts'
import type { OnStep } from './commit.ts'
import type { DataFile } from './data-file.ts'
import { dayText, TABLES, type TableKey } from './definition.ts'
import { columnFault } from './event-columns.ts'
import { FOOTER_KEYS } from './keys.ts'
import { below } from './location.ts'
import {
  type MetricsRow,
  metricsColumns,
  readMetricsRows,
  type StoredMetricsRow,
} from './metrics-row.ts'
import { openParquet, type ParquetReader, type RangeReader } from './parquet/read-file.ts'
import { encodeParquet } from './parquet/write-file.ts'
import { openDiskStorage, type Storage } from './storage.ts'

/** Microseconds since the epoch, both ends included. */
export type TimeRange = Readonly<{ minUs: number; maxUs: number }>

/**
 * When the events of a raw file came, as its Parquet footer tells. Files of earlier versions have
 * no dedupe times: these began as arrival times, which therefore take their place.
 */
export type FileTimes = Readonly<{
  /** By the wall clock, which may step either way. */
  arrival: TimeRange
  /**
   * By the clock that event ids age by (embedded/dedupe-clock.ts): it decides what is read back
   * after a restart.
   */
  dedupe: TimeRange
  /** Of another program, with columns that a merge would lose: it stays as it is. */
  isFixed?: true
}>

/** What a footer tells; `times` is null in a file of another program. */
export type EventsFooter = Readonly<{ times: FileTimes | null; isFit: boolean }>

/**
 * On random ids level 1 is not only the quickest but also the smallest: 24.6 bytes an event, level
 * 3 makes 25.4.
 */
const ZSTD_LEVEL = 1

export type DataFiles = Readonly<{
  /** A path that no file has had, in the folder of its day. */
  newPath(key: TableKey, day: number): string
  writeEvents(rows: DayRows, dedupe: TimeRange): Promise<DataFile>
  writeMetrics(day: number, rows: readonly MetricsRow[]): Promise<DataFile>
  readMetrics(file: DataFile): Promise<StoredMetricsRow[]>
  readEventIds(file: DataFile): AsyncIterable<readonly Uint8Array[]>
  eventsFooter(file: DataFile): Promise<EventsFooter>
  /** Throws TableError where the local copy of a file is not what was written. */
  check(file: DataFile, local: string): Promise<void>
}>

export type DataFilesOptions = Readonly<{
  storage: Storage
  folders: Readonly<Record<TableKey, string>>
  windowUs: number
  onStep: OnStep
}>

export function openDataFiles(options: DataFilesOptions): DataFiles {
  const { storage, folders, windowUs, onStep } = options

  function newPath(key: TableKey, day: number): string {
    const folder = `${TABLES[key].spec.name}=${dayText(day)}`
    return below(folders[key], 'data', folder, `${randomUUID()}.parquet`)
  }

  async function write(
    key: TableKey,
    day: number,
    rows: number,
    columns: readonly EncodedColumn[],
    keyValues: Readonly<Record<string, string>>,
  ): Promise<DataFile> {
    assert(rows > 0, 'a file without rows has no place in a table')
    const { chunks, stats } = await encodeParquet(
      TABLES[key].schema,
      rows,
      columns,
      keyValues,
      ZSTD_LEVEL,
    )
    const file = newPath(key, day)
    await storage.write(file, chunks, () => onStep('data-file-written'))
    onStep('data-file-synced')
    return { path: file, day, ...stats }
  }

  return {
    newPath,
    writeEvents: ({ day, rows, columns, arrivalMinUs, arrivalMaxUs }, dedupe) => {
      const arrival = { minUs: arrivalMinUs, maxUs: arrivalMaxUs }
      return write('events', day, rows, columns, footerOf({ arrival, dedupe }))
    },
    writeMetrics: (day, rows) =>
      write('metrics', day, rows.length, metricsColumns(rows, windowUs), {}),
    async readMetrics({ path, rows }) {
      // Every column is needed: on S3 one request for all instead of one for each.
      const bytes = await storage.read(path)
      return readMetricsRows(
        await openParquet(inMemory(bytes), path, { bytes: bytes.byteLength, rows }),
      )
    },
    async *readEventIds(file) {
      const reader = await openParquet(storage, file.path, file)
      for await (const page of reader.pages('event_id')) {
        yield (page as (Uint8Array | null)[]).filter((id) => id !== null)
      }
    },
    async eventsFooter(file) {
      const reader = await openParquet(storage, file.path, file)
      return { times: fileTimesOf(reader), isFit: columnFault(reader) === null }
    },
    async check(file, local) {
      await (await openParquet(openDiskStorage(), local, file)).check()
    },
  }
}

function inMemory(bytes: Buffer): RangeReader {
  return { readRange: async (_, start, end) => bytes.subarray(start, end) }
}

/** The footer's key-value pairs. */
export function footerOf({ arrival, dedupe }: FileTimes): Readonly<Record<string, string>> {
  return {
    [FOOTER_KEYS.arrivalMinUs]: String(arrival.minUs),
    [FOOTER_KEYS.arrivalMaxUs]: String(arrival.maxUs),
    [FOOTER_KEYS.dedupeMinUs]: String(dedupe.minUs),
    [FOOTER_KEYS.dedupeMaxUs]: String(dedupe.maxUs),
  }
}

/** Null where the footer has no arrival times. */
export function fileTimesOf({ metadata }: ParquetReader): FileTimes | null {
  const pairs = new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value]))
  const rangeOf = (minKey: string, maxKey: string): TimeRange | null => {
    const minUs = Number(pairs.get(minKey) ?? Number.NaN)
    const maxUs = Number(pairs.get(maxKey) ?? Number.NaN)
    return Number.isSafeInteger(minUs) && Number.isSafeInteger(maxUs) ? { minUs, maxUs } : null
  }
  const arrival = rangeOf(FOOTER_KEYS.arrivalMinUs, FOOTER_KEYS.arrivalMaxUs)
  if (arrival === null) return null
  return { arrival, dedupe: rangeOf(FOOTER_KEYS.dedupeMinUs, FOOTER_KEYS.dedupeMaxUs) ?? arrival }
}

/** The times of the rows of several files together. */
export function joinTimes(files: readonly FileTimes[]): FileTimes {
  const join = (pick: (times: FileTimes) => TimeRange): TimeRange => ({
    minUs: Math.min(...files.map((times) => pick(times).minUs)),
    maxUs: Math.max(...files.map((times) => pick(times).maxUs)),
  })
  return { arrival: join(({ arrival }) => arrival), dedupe: join(({ dedupe }) => dedupe) }
}
