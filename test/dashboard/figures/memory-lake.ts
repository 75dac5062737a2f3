/**
 * The tables, the job and the query as one plain model: events in a list, files as maps of rows. It
 * tells what the job's feed tells, in the same order, and answers `SumsQuery` from its files; paths
 * that were replaced can be made to expire.
 */
import type { FeedMessage, LakeFile, MergedRawFile } from '../../../src/job.ts'
import type {
  EventCells,
  EventFilter,
  EventSelection,
  SumRows,
  SumsQuery,
} from '../../../src/query.ts'

export const DAY_US = 86_400_000_000

export type ModelEvent = Readonly<{
  campaign: string
  type: 'impression' | 'click' | 'conversion'
  timeUs: number
  millionths?: number
  platform?: string
  country?: string
  device?: string
}>

export type Sums = { impressions: number; clicks: number; conversions: number; millionths: number }

type WindowRow = Sums & Readonly<{ campaign: string; startUs: number }>

export type MemoryLake = Readonly<{
  sums: SumsQuery
  /** What was asked of the query, one text a call. */
  calls: readonly string[]
  /** All events that were taken and not dropped, committed ones first. */
  events(): readonly ModelEvent[]
  committedEvents(): readonly ModelEvent[]
  /** Tells the first message. */
  start(): void
  /** Takes events in; they are pending. */
  take(events: readonly ModelEvent[], arrivedUs: number): void
  /** Commits what was taken, or only the first so many. */
  commit(arrivedUs: number, count?: number): void
  /** The raw files of each day become one. */
  merge(): void
  /** Retention: days before this one leave both tables. */
  dropDaysBefore(day: number): void
  /**
   * Another program changes rows, which the feed tells now or with what it tells next.
   */
  rewrite(change: (events: readonly ModelEvent[]) => readonly ModelEvent[], isTold: boolean): void
  /** Files that are no longer in the tables are removed. */
  expire(): void
  /** Loads that begin from now on do not end before what it returns was called. */
  hold(): () => void
}>

export function openMemoryLake(options: {
  windowUs: number
  tell: (message: FeedMessage) => void
}): MemoryLake {
  const { windowUs, tell } = options
  const metricsFiles = new Map<string, readonly WindowRow[]>()
  const eventFiles = new Map<string, readonly ModelEvent[]>()
  let live: { events: LakeFile[]; metrics: LakeFile[] } = { events: [], metrics: [] }
  /** In the tables, in the order of commits. */
  let committed: ModelEvent[] = []
  let waiting: ModelEvent[] = []
  let offset = 0
  let isRewritten = false
  let merged: readonly MergedRawFile[] = []
  let files = 0
  /** Loads wait for it when it is set. */
  let held: Promise<void> = Promise.resolve()
  const calls: string[] = []

  const dayOf = (us: number): number => Math.floor(us / DAY_US)

  function rowsOf(events: readonly ModelEvent[]): WindowRow[] {
    const rows = new Map<string, WindowRow>()
    for (const event of events) {
      const startUs = Math.floor(event.timeUs / windowUs) * windowUs
      const key = `${startUs} ${event.campaign}`
      const row = rows.get(key) ?? { campaign: event.campaign, startUs, ...noSums() }
      addEvent(row, event)
      rows.set(key, row)
    }
    return [...rows.values()]
  }

  function writeMetrics(day: number): LakeFile {
    const rows = rowsOf(committed.filter(({ timeUs }) => dayOf(timeUs) === day))
    const path = `metrics-${++files}`
    metricsFiles.set(path, rows)
    return { path, day, rows: rows.length }
  }

  function writeEvents(day: number, events: readonly ModelEvent[]): LakeFile {
    const path = `events-${++files}`
    eventFiles.set(path, events)
    return { path, day, rows: events.length }
  }

  function deltasOf(events: readonly ModelEvent[]) {
    return rowsOf(events).map(({ campaign, startUs, millionths, ...counts }) => ({
      campaignId: campaign,
      windowStartUs: startUs,
      ...counts,
      revenueMillionths: BigInt(millionths),
    }))
  }

  /** What a message with a list of files says of the tables. */
  function listOf() {
    const list = { ...live, isRewritten, merged }
    isRewritten = false
    merged = []
    return list
  }

  const tellFiles = (): void => tell({ kind: 'files', nextOffset: offset, ...listOf() })

  const sums: SumsQuery = {
    async sumMetrics(paths, span, stepUs) {
      calls.push(`metrics ${paths.length} ${span.fromUs} ${span.toUs} ${stepUs}`)
      const rows = read(metricsFiles, paths)
      await held
      expectThere(metricsFiles, paths)
      return columnsOf(
        rows.filter(({ startUs }) => startUs >= span.fromUs && startUs < span.toUs),
        stepUs,
      )
    },
    async sumEvents(paths, span, stepUs, selection) {
      calls.push(`events ${paths.length} ${span.fromUs} ${span.toUs} ${stepUs}`)
      const events = read(eventFiles, paths)
      await held
      expectThere(eventFiles, paths)
      const fitting = events.filter(
        (event) =>
          event.timeUs >= span.fromUs && event.timeUs < span.toUs && isSelected(event, selection),
      )
      return columnsOf(
        fitting.map((event) => {
          const name = event[selection.by] ?? ''
          const row = { campaign: name, startUs: event.timeUs, ...noSums() }
          addEvent(row, event)
          return row
        }),
        stepUs,
      )
    },
    async listValues(paths) {
      calls.push(`values ${paths.join(' ')}`)
      const events = read(eventFiles, paths)
      const of = (name: keyof EventFilter): string[] =>
        [...Map.groupBy(events, (event) => event[name] ?? '')]
          .sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
          .map(([value]) => value)
      return { platform: of('platform'), country: of('country'), device: of('device') }
    },
    async readCells(path, cellUs) {
      const events = read(eventFiles, [path])
      await held
      expectThere(eventFiles, [path])
      return cellsOf(events, cellUs)
    },
    async close() {},
  }

  return {
    sums,
    calls,
    events: (): readonly ModelEvent[] => [...committed, ...waiting],
    committedEvents: (): readonly ModelEvent[] => committed,
    start: tellFiles,
    take(events: readonly ModelEvent[], arrivedUs: number): void {
      waiting = [...waiting, ...events]
      tell({ kind: 'pending', baseOffset: offset, arrivedUs, deltas: deltasOf(waiting) })
    },
    commit(arrivedUs: number, count = waiting.length): void {
      const batch = waiting.slice(0, count)
      waiting = waiting.slice(count)
      committed = [...committed, ...batch]
      offset += batch.length
      const byDay = Map.groupBy(batch, ({ timeUs }) => dayOf(timeUs))
      const added = [...byDay].map(([day, events]) => writeEvents(day, events))
      live = {
        events: [...live.events, ...added],
        metrics: [
          ...live.metrics.filter(({ day }) => !byDay.has(day)),
          ...[...byDay.keys()].map(writeMetrics),
        ],
      }
      const deltas = deltasOf(batch)
      const pending = waiting.length === 0 ? null : { arrivedUs, deltas: deltasOf(waiting) }
      tell({ kind: 'commit', nextOffset: offset, arrivedUs, deltas, added, ...listOf(), pending })
    },
    merge(): void {
      const byDay = Map.groupBy(live.events, ({ day }) => day)
      const merges = [...byDay].map(([day, list]) => {
        const from = list.map(({ path }) => path)
        const rows = from.flatMap((path) => eventFiles.get(path) ?? [])
        return { from, file: writeEvents(day, rows) }
      })
      live = { ...live, events: merges.map(({ file }) => file) }
      merged = merges.map(({ file: { path }, from }) => ({ path, from }))
      tellFiles()
    },
    dropDaysBefore(day: number): void {
      committed = committed.filter(({ timeUs }) => dayOf(timeUs) >= day)
      live = {
        events: live.events.filter((file) => file.day >= day),
        metrics: live.metrics.filter((file) => file.day >= day),
      }
      tellFiles()
    },
    rewrite(change, isTold): void {
      const before = Map.groupBy(committed, ({ timeUs }) => dayOf(timeUs))
      committed = [...change(committed)]
      const after = Map.groupBy(committed, ({ timeUs }) => dayOf(timeUs))
      const isChanged = (day: number): boolean => {
        const [old, now] = [before.get(day), after.get(day)]
        return old?.length !== now?.length || (now ?? []).some((event, at) => event !== old?.[at])
      }
      const days = new Set([...before.keys(), ...after.keys()].filter(isChanged))
      const written = [...days].filter((day) => after.has(day))
      live = {
        events: [
          ...live.events.filter(({ day }) => !days.has(day)),
          ...written.map((day) => writeEvents(day, after.get(day) ?? [])),
        ],
        metrics: [
          ...live.metrics.filter(({ day }) => !days.has(day)),
          ...written.map(writeMetrics),
        ],
      }
      isRewritten ||= days.size > 0
      if (isTold) tellFiles()
    },
    expire(): void {
      const kept = new Set([...live.events, ...live.metrics].map(({ path }) => path))
      for (const path of metricsFiles.keys()) if (!kept.has(path)) metricsFiles.delete(path)
      for (const path of eventFiles.keys()) if (!kept.has(path)) eventFiles.delete(path)
    },
    hold(): () => void {
      const released = Promise.withResolvers<void>()
      held = released.promise
      return released.resolve
    },
  }
}

export function noSums(): Sums {
  return { impressions: 0, clicks: 0, conversions: 0, millionths: 0 }
}

export function addEvent(sums: Sums, event: ModelEvent): void {
  sums[`${event.type}s`]++
  sums.millionths += event.millionths ?? 0
}

export function fits(event: ModelEvent, filter: EventFilter): boolean {
  return (['platform', 'country', 'device'] as const).every(
    (name) => filter[name].length === 0 || filter[name].includes(event[name] ?? ''),
  )
}

function isSelected(event: ModelEvent, { where }: EventSelection): boolean {
  const { campaign } = where
  return fits(event, where) && (campaign.length === 0 || campaign.includes(event.campaign))
}

function read<T>(files: ReadonlyMap<string, readonly T[]>, paths: readonly string[]): T[] {
  expectThere(files, paths)
  return paths.flatMap((path) => files.get(path) ?? [])
}

function expectThere(files: ReadonlyMap<string, unknown>, paths: readonly string[]): void {
  const gone = paths.find((path) => !files.has(path))
  if (gone === undefined) return
  throw Object.assign(new Error(`${gone} was replaced`), { code: 'files-expired' })
}

/** A cell for each event: that several are of one window and group is allowed. */
function cellsOf(events: readonly ModelEvent[], windowUs: number): EventCells {
  const campaigns = [...new Set(events.map(({ campaign }) => campaign))]
  const count = (type: ModelEvent['type']): Uint32Array =>
    Uint32Array.from(events, (event) => (event.type === type ? 1 : 0))
  return {
    campaigns,
    groups: events.map(({ platform = '', country = '', device = '' }) => {
      return { platform, country, device }
    }),
    groupCodes: Uint32Array.from(events.keys()),
    campaignCodes: Uint32Array.from(events, ({ campaign }) => campaigns.indexOf(campaign)),
    windows: Uint32Array.from(events, ({ timeUs }) => Math.floor(timeUs / windowUs)),
    impressions: count('impression'),
    clicks: count('click'),
    conversions: count('conversion'),
    revenueMillionths: Float64Array.from(events, ({ millionths = 0 }) => millionths),
  }
}

function columnsOf(rows: readonly WindowRow[], stepUs: number): SumRows {
  const merged = new Map<string, WindowRow>()
  for (const row of rows) {
    const startUs = Math.floor(row.startUs / stepUs) * stepUs
    const key = `${startUs} ${row.campaign}`
    const into = merged.get(key) ?? { campaign: row.campaign, startUs, ...noSums() }
    into.impressions += row.impressions
    into.clicks += row.clicks
    into.conversions += row.conversions
    into.millionths += row.millionths
    merged.set(key, into)
  }
  const all = [...merged.values()]
  const names = [...new Set(all.map(({ campaign }) => campaign))].reverse()
  const codes = new Map(names.map((name, code) => [name, code]))
  return {
    names,
    codes: Uint32Array.from(all, ({ campaign }) => codes.get(campaign) ?? 0),
    startsUs: Float64Array.from(all, ({ startUs }) => startUs),
    impressions: Float64Array.from(all, ({ impressions }) => impressions),
    clicks: Float64Array.from(all, ({ clicks }) => clicks),
    conversions: Float64Array.from(all, ({ conversions }) => conversions),
    revenueMillionths: Float64Array.from(all, ({ millionths }) => millionths),
  }
}
