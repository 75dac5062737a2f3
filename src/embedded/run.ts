/**
 * One run of the job: opens the rooms it works with, rebuilds the dedupe memory, runs the loop, and
 * closes them again.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { loadIdSets, openRowBatch, type RowBatch } from '../engine.ts'
import { tableFigures } from '../job.ts'
import { type EventReader, openEventReader } from '../log.ts'
import { mergeEventFiles, recomputeFromFiles } from '../query.ts'
import { openRejected, type RejectedStore } from '../rejected.ts'
import { type Closing, closeAll } from '../runtime.ts'
import {
  type CommitStep,
  type Lake,
  type LakeWriter,
  mayHoldWindow,
  openLake,
  openMaintenance,
  openWindows,
  wholeFromUs,
} from '../table.ts'
import { type Checkpoint, checkpointOf, positionOf, resumeFrom } from './checkpoint.ts'
import { openClientCommits } from './client-commits.ts'
import { type DedupeMemory, openDedupeClock, openDedupeMemory, rebuildMemory } from './dedupe.ts'
import { type Feed, type FeedTables, openFeed } from './feed.ts'
import { heldCheckpoint, otherNotices, othersFigures } from './held-tables.ts'
import { openLoop } from './loop.ts'
import type { JobSettings, RunProgress } from './message.ts'
import { openOthersWatch } from './others-watch.ts'
import { keepRejected, keptBeyond, openKeptFrom, retentionDaysOf } from './rejection.ts'
import { openTurns } from './turns.ts'

export type RunWorld = Readonly<{
  nowUs: () => number
  /** A clock that never steps back, for intervals. */
  steadyMs: () => number
  seed: bigint
  onStep: (step: CommitStep) => void
  onProgress: (progress: RunProgress) => void
  /** Why the job does not go on for now; null when it does again. */
  onStalled: (reason: string | null) => void
  /** What of catalog and tables is not in its place; null when all is again. */
  onMisplaced: (fault: string | null) => void
  onWarning: (text: string) => void
}>

export type Run = {
  /** Ends after `stop`, or rejects with what stopped the job. */
  readonly finished: Promise<void>
  stop(untilOffset: number, readingMs: number): void
  /** Sends what the tables gain to this port, in place of the previous one. */
  feed(port: MessagePort): void
  readonly lakeWriter: LakeWriter
  close(): Promise<void>
}

type Rooms = Readonly<{
  lake: Lake
  reader: EventReader
  stalls: Stalls
  batch: RowBatch
  memory: DedupeMemory
  rejected: RejectedStore
  /** Highest offset kept by a run that could not commit it; of a topic, by partition. */
  keptUntil: (partition: number | undefined) => number
  checkpoint: Checkpoint
}>

/** What may stall; of several, the first that does is shown. */
const PARTS = ['place', 'others', 'commit', 'reading', 'maintenance'] as const
type Part = (typeof PARTS)[number]

/** Why the job does not go on for now. Each part of it reports for itself. */
type Stalls = Readonly<{
  /** `reason` is null when the part goes on. */
  report(part: Part, reason: string | null): void
}>

/** How often it is checked that the tables are where they were, even if nothing is written. */
const PLACE_CHECK_MS = 500
/** How often it is checked whether another program has committed. */
const OTHERS_LOOK_MS = 1000

/** Resolves when the tables are open and the checkpoint agrees with the log. */
export async function openRun(settings: JobSettings, world: RunWorld): Promise<Run> {
  const opened: Closing[] = []
  const close = (): Promise<void> => closeAll(opened.splice(0))
  try {
    const rooms = await openRooms(settings, world, opened)
    const { feed, ...run } = startRun(settings, world, rooms)
    opened.push(feed)
    return { ...run, feed: feed.attach, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openRooms(
  settings: JobSettings,
  world: RunWorld,
  opened: Closing[],
): Promise<Rooms> {
  const stalls = openStalls(world)
  const keep = <T extends Closing>(room: T): T => {
    opened.push(room)
    return room
  }
  const lake = keep(
    await openLake({
      warehouse: settings.warehouse,
      catalog: settings.catalog,
      cache: settings.cache,
      windowUs: settings.windowUs,
      writer: 'embedded',
      nowUs: world.nowUs,
      steadyMs: world.steadyMs,
      readers: {
        graceMs: settings.retention.readersMs,
        bytesMax: settings.retention.readersMaxBytes,
        diskReserveBytes: settings.diskReserveBytes,
      },
      onStep: world.onStep,
      onWait: (reason) => stalls.report('commit', reason),
    }),
  )
  const reader = keep(
    await openEventReader({
      place: settings.log,
      cursor: settings.logCursor,
      steadyMs: world.steadyMs,
      onStalled: (message) => stalls.report('reading', message),
    }),
  )
  const kept = heldCheckpoint(lake)
  const checkpoint = resumeFrom(kept, reader.extent(), settings.acceptNewLog)
  reader.begin(checkpoint)
  const memory = openDedupeMemory({
    horizonUs: settings.dedupe.horizonMs * 1000,
    bytesMax: settings.dedupe.memoryMaxBytes,
    openSet: await loadIdSets(),
  })
  const { windowUs } = settings
  const batch = await openRowBatch({ windowUs, seed: world.seed, recentIds: memory })
  const rejected = keep(
    await openRejected({
      directory: settings.rejectedDirectory,
      source: 'job',
      bytesMax: settings.rejectedMaxBytes,
      nowUs: world.nowUs,
      warn: world.onWarning,
    }),
  )
  const keptUntil = await keptBeyond(settings.rejectedDirectory, rejected, checkpoint)
  return { lake, reader, stalls, batch, memory, rejected, keptUntil, checkpoint }
}

function startRun(
  settings: JobSettings,
  world: RunWorld,
  rooms: Rooms,
): Pick<Run, 'finished' | 'lakeWriter' | 'stop'> & { feed: Feed } {
  const { lake, reader, stalls, batch, memory, rejected, keptUntil } = rooms
  let checkpoint = rooms.checkpoint
  let lastCommit: RunProgress['lastCommit'] = null
  /** The deadline of a stop that came while ids are read back. */
  let rebuildUntilMs = Number.POSITIVE_INFINITY
  const turns = openTurns(lake, (durationMs) => sleep(durationMs))
  const notices = openNotices(world)
  const dedupeClock = openDedupeClock(checkpoint, world)
  const hasReadAll = (): boolean => checkpoint.nextOffset === reader.end()
  const dedupeNowUs = (): number => (hasReadAll() ? dedupeClock.now() : checkpoint.dedupeUs)

  function report(state: RunProgress['state']): void {
    world.onProgress({
      checkpoint,
      state,
      dedupe: memory.stats(dedupeNowUs()),
      tables: { events: tableFigures(lake.events), metrics: tableFigures(lake.metrics) },
      wholeFromUs: wholeFromUs(lake.events),
      others: othersFigures(lake),
      notices: [...notices.look(lake), ...lake.graceNotices()],
      bytesPerDay: maintenance.bytesPerDay(),
      rejectedCountsOnly: rejected.stats().keepingCountsOnly,
      lastCommit,
    })
  }

  const windows = openWindows({
    live: () => lake.metrics.files,
    read: (file) => lake.readMetricsFile(file),
    write: (day, rows) => lake.writeMetricsFile(day, rows),
    mayHold: mayHoldWindow,
    // Windows past what a DOUBLE holds are rare.
    recompute: (keys) => recomputeFromFiles(lake.local, lake.events.files, keys, settings.windowUs),
  })
  const feed = openFeed({
    tables: () => tablesOf(lake, rooms.checkpoint),
    batch,
    steadyMs: world.steadyMs,
  })
  const keeping = {
    store: rejected,
    keptUntil,
    onStall: (message: string) => stalls.report('commit', message),
    goesOn: () => rebuildUntilMs === Number.POSITIVE_INFINITY,
  }
  const loop = openLoop({
    checkpoint,
    commitIntervalMs: settings.commitIntervalMs,
    horizonUs: settings.dedupe.horizonMs * 1000,
    keptFromUs: openKeptFrom(settings, lake, world.nowUs()),
    wholeFromUs: () => wholeFromUs(lake.events),
    dedupeClock,
    nowUs: world.nowUs,
    steadyMs: world.steadyMs,
    readFrame: reader.next,
    logEnd: reader.end,
    batch,
    windows,
    feed,
    keepRejected: (records) => keepRejected(keeping, records),
    writeEventsFile: (rows, dedupe) => lake.writeEventsFile(rows, dedupe),
    exclusively: turns.ours,
    giveWay: turns.giveWay,
    commit: (change) => lake.commit(change),
    discard: (files) => lake.discard(files),
    pause: (durationMs) => sleep(durationMs),
    onStall: (message) => stalls.report('commit', message),
    onCommit(committed, durationMs) {
      stalls.report('commit', null)
      checkpoint = committed
      lastCommit = { atUs: world.nowUs(), durationMs }
      report('running')
    },
  })

  const maintenance = openMaintenance({
    lake,
    mergeEventFiles,
    exclusively: turns.ours,
    horizonUs: settings.dedupe.horizonMs * 1000,
    retentionDays: retentionDaysOf(settings),
    nowUs: world.nowUs,
    steadyMs: world.steadyMs,
    dedupeNowUs,
    logProgress: () => ({ ends: [reader.end()], taken: [checkpoint.nextOffset] }),
    newId: randomUUID,
    pause: (durationMs, signal) => sleep(durationMs, undefined, { signal }).catch(() => {}),
    isBusy: loop.isBusy,
    onStep: world.onStep,
    onTask({ task, outcome, merged }) {
      if (outcome === 'done' && task.kind !== 'sweep-orphans') feed.filesChanged(merged)
      report('running')
    },
    onWarning: world.onWarning,
    onFailure: (why) =>
      stalls.report('maintenance', why === null ? null : `maintenance of the tables fails: ${why}`),
  })
  const others = openOthersWatch({
    lake,
    exclusively: turns.ours,
    newId: randomUUID,
    onStall: (reason) => stalls.report('others', reason),
    onChange() {
      feed.filesChanged([])
      report('running')
    },
  })
  const clients = openClientCommits({
    lake,
    turns,
    windowUs: settings.windowUs,
    nowUs: world.nowUs,
    memory,
    hashIds: batch.hashIds,
    onChange() {
      feed.filesChanged([])
      report('running')
    },
    onWarning: world.onWarning,
  })
  const goesOn = (): boolean => world.steadyMs() < rebuildUntilMs

  /** Rejects once the catalog's lock is lost: then nothing may be written any more. */
  function watchPlaces(): Readonly<{ lost: Promise<never>; stop(): void }> {
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    let before: string | null = null
    const checking = setInterval(() => {
      const error = lake.lockLost()
      if (error !== null) lost.reject(error)
      const fault = lake.placeFault()
      stalls.report('place', fault)
      if (fault !== before) world.onMisplaced(fault)
      before = fault
    }, PLACE_CHECK_MS)
    return { lost: lost.promise, stop: () => clearInterval(checking) }
  }

  async function work(): Promise<void> {
    const places = watchPlaces()
    try {
      await Promise.race([places.lost, takeEvents()])
    } finally {
      places.stop()
    }
  }

  async function takeEvents(): Promise<void> {
    const rebuilt = await rebuildMemory(lake, batch.hashIds, memory, checkpoint.dedupeUs, goesOn)
    if (!rebuilt) return
    report('running')
    const looking = setInterval(() => void others.look(), OTHERS_LOOK_MS)
    const maintained = maintenance.run()
    try {
      await loop.run()
      await others.look()
    } finally {
      clearInterval(looking)
      maintenance.stop()
      await maintained
    }
  }

  report('rebuilding')
  return {
    feed,
    lakeWriter: { expect: turns.expect, commit: clients.commit },
    finished: work(),
    stop(untilOffset, readingMs): void {
      rebuildUntilMs = world.steadyMs() + readingMs
      lake.stopWaiting()
      loop.stop(untilOffset, readingMs)
    },
  }
}

/**
 * Both tables as they are now. Where they were filled from another log, the job begins at `start`
 * of this one.
 */
function tablesOf(lake: Lake, start: Checkpoint): FeedTables {
  const { files } = lake.events
  const kept = checkpointOf(lake.events)
  const nextOffset = kept?.logId === start.logId ? positionOf(kept) : start.nextOffset
  const othersRows = [lake.events, lake.metrics].reduce(
    (rows, { others }) => rows + others.addedRows + others.removedRows,
    0,
  )
  return { nextOffset, events: files, metrics: lake.metrics.files, othersRows }
}

/** What the user should know of other programs' changes; each is also warned of once. */
function openNotices({ onWarning }: RunWorld) {
  let known: readonly string[] = []
  return {
    look(lake: Lake): readonly string[] {
      const notices = otherNotices(lake)
      for (const notice of notices) if (!known.includes(notice)) onWarning(notice)
      known = notices
      return notices
    },
  }
}

function openStalls({ onStalled, onWarning }: RunWorld): Stalls {
  const reasons = new Map<Part, string>()
  let shown: string | null = null
  return {
    report(part, reason) {
      const isNew = reason !== null && !reasons.has(part)
      if (reason === null) reasons.delete(part)
      else reasons.set(part, reason)
      // Maintenance warns by itself.
      if (isNew && part !== 'maintenance') onWarning(reason)
      const first = PARTS.map((each) => reasons.get(each)).find((one) => one !== undefined) ?? null
      if (first === shown) return
      shown = first
      onStalled(shown)
    },
  }
}
