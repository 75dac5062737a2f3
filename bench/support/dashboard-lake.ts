/**
 * A lake with a past: thirty days of raw events and their metrics, as the running product would
 * have left them (a merged raw file for each day that is over and for each hour of today, metrics
 * files of 65,536 rows), committed through the table room with a checkpoint that agrees with the
 * log beside it, so that the product opens it as its own.
 *
 * Every window of every campaign has an event; the rest falls on few campaigns. DuckDB makes the
 * rows from a seed, and sums them by its own means: `verify` then holds the one against the other.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { writeCheckpoint } from '../../src/embedded/checkpoint.ts'
import { openLog } from '../../src/log.ts'
import { mergeEventFiles } from '../../src/query.ts'
import { type DataFile, footerOf, type Lake, type MetricsRow, openLake } from '../../src/table.ts'
import type { Folder } from '../../test/support/folder.ts'
import { placesIn } from '../../test/support/places.ts'
import { COUNTRIES } from './countries.ts'

export const campaignName = (campaign: number): string =>
  `campaign-${String(campaign).padStart(4, '0')}`

export type PastOptions = Readonly<{
  days: number
  campaigns: number
  events: number
  seed: number
  /** The end of the past; the windows before it are filled. */
  nowUs: number
}>

type Piece = Readonly<{ day: number; firstWindow: number; endWindow: number }>

const WINDOW_US = 300_000_000
const HOUR_US = 3_600_000_000
const DAY_US = 86_400_000_000
/**
 * As the job and the maintenance leave them: full files where windows are cold, small ones in the
 * last hour.
 */
const FILE_ROWS_MAX = 65_536
const OPEN_FILE_ROWS_MAX = 8_192
const GIB = 2 ** 30

/** Fills an empty folder. Returns the rows of both tables. */
export async function buildPast(
  folder: Folder,
  options: PastOptions,
): Promise<Readonly<{ events: number; metrics: number }>> {
  const scratch = join(folder.path, 'scratch')
  await mkdir(scratch)
  const logId = await createLog(folder, options.nowUs)
  const lake = await openLake({
    ...placesIn(join(folder.path, 'data')),
    windowUs: WINDOW_US,
    writer: 'embedded',
    nowUs: () => options.nowUs,
  })
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '2GB' })
  try {
    const duck = await instance.connect()
    const past = new Past(options, lake, duck, scratch)
    const days = Map.groupBy(past.pieces(), ({ day }) => day)
    for (const [day, pieces] of days) await past.fill(day, pieces, logId)
    return { events: rowsOf(lake.events.files), metrics: rowsOf(lake.metrics.files) }
  } finally {
    instance.closeSync()
    await lake.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

function rowsOf(files: readonly DataFile[]): number {
  return files.reduce((sum, { rows }) => sum + rows, 0)
}

/** An empty log, as a first start leaves it. */
async function createLog(folder: Folder, nowUs: number): Promise<string> {
  const log = await openLog({
    directory: folder.logPath,
    nowUs: () => nowUs,
    retentionMs: 0,
    bytesMax: 8 * GIB,
    diskReserveBytes: GIB,
  })
  await log.close()
  return log.id
}

class Past {
  readonly #options: PastOptions
  readonly #lake: Lake
  readonly #duck: DuckDBConnection
  readonly #scratch: string
  readonly #startUs: number
  readonly #windows: number
  #stored = 0

  constructor(options: PastOptions, lake: Lake, duck: DuckDBConnection, scratch: string) {
    this.#options = options
    this.#lake = lake
    this.#duck = duck
    this.#scratch = scratch
    const endUs = Math.floor(options.nowUs / WINDOW_US) * WINDOW_US
    this.#startUs = endUs - options.days * DAY_US
    this.#windows = (options.days * DAY_US) / WINDOW_US
  }

  /** A day that is over in one piece, today by the hour. */
  pieces(): Piece[] {
    const today = Math.floor(this.#options.nowUs / DAY_US)
    const pieces: Piece[] = []
    for (let window = 0; window < this.#windows; ) {
      const atUs = this.#startUs + window * WINDOW_US
      const day = Math.floor(atUs / DAY_US)
      const lengthUs = day === today ? HOUR_US : DAY_US
      const endUs = (Math.floor(atUs / lengthUs) + 1) * lengthUs
      const endWindow = Math.min((endUs - this.#startUs) / WINDOW_US, this.#windows)
      pieces.push({ day, firstWindow: window, endWindow })
      window = endWindow
    }
    return pieces
  }

  /** Makes the rows of a day and commits them to both tables. */
  async fill(day: number, pieces: readonly Piece[], logId: string): Promise<void> {
    const scratchFiles: string[] = []
    const events: DataFile[] = []
    for (const piece of pieces) {
      const file = join(this.#scratch, `${piece.firstWindow}.parquet`)
      await this.#duck.run(`COPY (${this.#eventsSql(piece)}) TO '${file}' (FORMAT parquet,
        FIELD_IDS {event_id: 1, user_id: 2, campaign_id: 3, event_type: 4, "timestamp": 5,
          revenue: 6, platform: 7, country: 8, device_type: 9})`)
      scratchFiles.push(file)
      const output = this.#lake.newEventsPath(day)
      await mkdir(join(output, '..'), { recursive: true })
      const came = {
        minUs: this.#startUs + piece.firstWindow * WINDOW_US,
        maxUs: this.#startUs + piece.endWindow * WINDOW_US - 1,
      }
      await mergeEventFiles([file], output, {
        footer: footerOf({ arrival: came, dedupe: came }),
        isSorted: true,
        memoryMaxBytes: GIB,
        threads: 2,
      })
      events.push(await this.#lake.importEventsFile(output))
    }
    const metrics = await this.#writeMetrics(day, scratchFiles)
    this.#stored += events.reduce((sum, { rows }) => sum + rows, 0)
    const endUs = this.#startUs + (pieces.at(-1)?.endWindow ?? 0) * WINDOW_US - 1
    const checkpoint = {
      logId,
      nextOffset: 0,
      logBase: this.#stored,
      arrivedUs: endUs,
      dedupeUs: endUs,
      stored: this.#stored,
      duplicates: 0,
      rejected: 0,
      offsets: null,
    }
    await this.#lake.commit({
      events: { add: events, remove: [] },
      metrics: { add: metrics, remove: [] },
      summary: writeCheckpoint(checkpoint),
      commitId: `past-${day}`,
    })
    for (const file of scratchFiles) await rm(file)
  }

  /** One event for each campaign in each window, and the rest where the hash throws it. */
  #eventsSql({ firstWindow, endWindow }: Piece): string {
    const { campaigns, events, seed } = this.#options
    const even = this.#windows * campaigns
    const more = events - even
    const moreBefore = (window: number): number => Math.floor((window * more) / this.#windows)
    const draw = (salt: string, below: number): string =>
      `(hash(n, '${salt}', ${seed}) % ${below})::BIGINT`
    return `
      WITH places AS (
        SELECT n, n // ${campaigns} AS w, n % ${campaigns} AS c
        FROM range(${firstWindow * campaigns}, ${endWindow * campaigns}) t(n)
        UNION ALL
        SELECT ${even} + n AS n,
          least(((n + 1) * ${this.#windows} - 1) // ${Math.max(more, 1)}, ${endWindow - 1}) AS w,
          floor(pow(${draw('campaign', 1_000_000)} / 1e6, 3) * ${campaigns})::BIGINT AS c
        FROM range(${moreBefore(firstWindow)}, ${moreBefore(endWindow)}) t(n)
      ), typed AS (
        SELECT *, ${draw('type', 1000)} AS type FROM places
      )
      SELECT md5('${seed}-' || n)::UUID::VARCHAR AS event_id,
        'user-' || lpad(${draw('user', 100_000)}::VARCHAR, 6, '0') AS user_id,
        'campaign-' || lpad(c::VARCHAR, 4, '0') AS campaign_id,
        CASE WHEN type < 880 THEN 'impression' WHEN type < 980 THEN 'click'
          ELSE 'conversion' END AS event_type,
        make_timestamp(${this.#startUs} + w * ${WINDOW_US} + ${draw('moment', WINDOW_US)})
          AS "timestamp",
        CASE WHEN type < 980 THEN 0::DOUBLE WHEN type = 999 THEN -0.75::DOUBLE
          ELSE ${draw('revenue', 20_000)} / 100e0 END AS revenue,
        CASE WHEN ${draw('none', 50)} = 0 THEN NULL
          ELSE ['mobile', 'web', 'tv'][1 + ${draw('platform', 3)}] END AS platform,
        [${COUNTRIES.map((country) => `'${country}'`).join(', ')}]
          [1 + floor(pow(${draw('country', 1000)} / 1e3, 2) * ${COUNTRIES.length})::BIGINT]
          AS country,
        ['ios', 'android', 'desktop'][1 + ${draw('device', 3)}] AS device_type
      FROM typed`
  }

  /** The day's windows in order, cut into files as the product keeps them. */
  async #writeMetrics(day: number, scratchFiles: readonly string[]): Promise<DataFile[]> {
    const list = scratchFiles.map((file) => `'${file}'`).join(', ')
    const hotUs = this.#options.nowUs - HOUR_US
    const result = await this.#duck.stream(`
      SELECT campaign_id,
        (epoch_us("timestamp") // ${WINDOW_US} * ${WINDOW_US})::DOUBLE AS start_us,
        (count(*) FILTER (event_type = 'impression'))::DOUBLE,
        (count(*) FILTER (event_type = 'click'))::DOUBLE,
        (count(*) FILTER (event_type = 'conversion'))::DOUBLE,
        round(sum(revenue::DECIMAL(18,6)) * 1000000)::DOUBLE
      FROM read_parquet([${list}]) GROUP BY ALL ORDER BY start_us, campaign_id`)
    const files: DataFile[] = []
    let rows: MetricsRow[] = []
    for await (const batch of result.yieldRowsJs()) {
      for (const [campaign, start, impressions, clicks, conversions, millionths] of batch) {
        const windowStartUs = Number(start)
        const rowsMax = windowStartUs >= hotUs ? OPEN_FILE_ROWS_MAX : FILE_ROWS_MAX
        if (rows.length >= rowsMax) {
          files.push(await this.#lake.writeMetricsFile(day, rows))
          rows = []
        }
        rows.push({
          campaignId: String(campaign),
          windowStartUs,
          impressions: Number(impressions),
          clicks: Number(clicks),
          conversions: Number(conversions),
          revenueMillionths: BigInt(Number(millionths)),
          processedAtUs: windowStartUs + WINDOW_US + 600_000,
        })
      }
    }
    if (rows.length > 0) files.push(await this.#lake.writeMetricsFile(day, rows))
    return files
  }
}
