/**
 * A log on the disk and the settings of a job that reads it into tables beside it, in a folder that
 * goes with the test.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { JobSettings } from '../../src/embedded.ts'
import { type Log, type LogOptions, openLog } from '../../src/log.ts'
import { type Closing, closeAll } from '../../src/runtime/settle.ts'
import { placesIn } from './places.ts'
/** What is in `opened` is closed with the test, the last first. */
export type JobPlace = Readonly<{ log: Log; settings: JobSettings; opened: Closing[] }>

const MIB = 2 ** 20

export async function openJobPlace(
  t: TestContext,
  differing: Readonly<{ log?: Partial<LogOptions>; job?: Partial<JobSettings> }> = {},
): Promise<JobPlace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'job-place-'))
  const logDirectory = path.join(folder, 'log')
  const log = await openLog({
    directory: logDirectory,
    nowUs: () => Date.now() * 1000,
    retentionMs: 0,
    bytesMax: 3 * MIB,
    diskReserveBytes: 0,
    segmentBytes: MIB,
    groupBytesMax: MIB / 2,
    ...differing.log,
  })
  const opened: Closing[] = [{ close: () => rm(folder, { recursive: true }) }, log]
  t.after(() => closeAll(opened))
  const settings: JobSettings = {
    log: { kind: 'folder', path: logDirectory },
    logCursor: log.cursor,
    ...placesIn(folder),
    rejectedDirectory: path.join(folder, 'rejected'),
    windowUs: 300_000_000,
    commitIntervalMs: 1_000,
    dedupe: { horizonMs: 3_600_000, memoryMaxBytes: 64 * MIB },
    diskReserveBytes: 0,
    retention: { eventsMs: 0, metricsMs: 0, readersMs: 3_600_000, readersMaxBytes: 4 * 2 ** 30 },
    rejectedMaxBytes: MIB,
    acceptNewLog: false,
    killAt: undefined,
    ...differing.job,
  }
  return { log, settings, opened }
}
