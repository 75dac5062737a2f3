/**
 * The thread of the figures: opens DuckDB over the files of the tables, follows the job's feed and
 * answers questions. It is a thread of its own, so that neither collecting events nor writing
 * tables waits for readers.
 */
import { strict as assert } from 'node:assert'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { FeedMessage } from '../../job.ts'
import { openSums } from '../../query.ts'
import { CellStore } from '../cells/cell-store.ts'
import { openCellMaker } from '../cells/maker.ts'
import { openNamesWatch } from '../names/names-watch.ts'
import { FiguresService } from './figures-service.ts'
import type { FromWorker, ToWorker, WorkerData } from './figures-thread.ts'

const TICK_MS = 1000
/** Beside the copies of data files on S3, in the folder of the cache. */
const CELLS_FOLDER = 'cells'
/** Of the cache's size, which bounds the copies. */
const CELLS_SHARE = 0.25

assert(parentPort !== null, 'runs as a worker thread')
const port = parentPort
const { settings, feed } = workerData as WorkerData // given by figures-thread.ts, which is typed
const post = (message: FromWorker): void => port.postMessage(message)

try {
  const sums = await openSums({ ...settings, nowMs: () => Date.now() })
  const closing = new AbortController()
  const maker = openCellMaker(settings)
  const cells = new CellStore({
    folder: path.join(settings.cache.directory, CELLS_FOLDER),
    bytesMax: settings.cache.sizeBytes * CELLS_SHARE,
    windowUs: settings.windowUs,
    sumEvents: sums.sumEvents,
    make: maker.make,
    nowMs: () => Date.now(),
    pause: (durationMs) => sleep(durationMs, undefined, { signal: closing.signal }).catch(() => {}),
  })
  const service = new FiguresService({
    sums,
    cells,
    windowUs: settings.windowUs,
    timezone: settings.timezone,
    weekStart: settings.weekStart,
    currency: settings.currency,
    nowUs: () => Date.now() * 1000,
    onLive: (live) => post({ kind: 'live', live }),
  })
  const names =
    settings.campaignNames === null
      ? null
      : openNamesWatch({
          path: settings.campaignNames,
          onNames: (given) => service.takeNames(given),
          onProblem: (problem) => post({ kind: 'names', problem }),
        })
  void names?.look()
  const ticking = setInterval(() => {
    service.tick()
    void names?.look()
  }, TICK_MS)
  feed.on('message', (message: FeedMessage) => service.take(message))
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'question') void answer(service, message)
    else void close()
  })
  post({ kind: 'started' })

  async function close(): Promise<void> {
    clearInterval(ticking)
    feed.close()
    closing.abort()
    const closed = cells.close()
    await maker.close()
    await closed
    await sums.close()
    post({ kind: 'closed' })
    port.close()
  }
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  post({ kind: 'failed', message, stack: stack ?? message })
}

async function answer(
  service: FiguresService,
  question: Extract<ToWorker, { kind: 'question' }>,
): Promise<void> {
  const { id, path, query, waiting } = question
  const answered = await service.answer(path, query, waiting)
  const { body } = answered
  port.postMessage(
    { kind: 'answer', id, answer: answered } satisfies FromWorker,
    body instanceof Uint8Array && body.buffer instanceof ArrayBuffer ? [body.buffer] : [],
  )
}
