/** The job's thread as the main thread sees it: what went wrong there is told here. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type JobSettings, startJob } from '../../src/job.ts'
import { openLog } from '../../src/log.ts'

const SILENT = { onProgress() {}, onWarning() {} }
const MIB = 2 ** 20

async function openPlace(t: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'job-thread-'))
  const logDirectory = path.join(folder, 'log')
  const log = await openLog({
    directory: logDirectory,
    nowUs: () => Date.now() * 1000,
    retentionMs: 0,
    bytesMax: 3 * MIB,
    diskReserveBytes: 0,
    segmentBytes: MIB,
    groupBytesMax: MIB / 2,
  })
  t.after(async () => {
    await log.close()
    await rm(folder, { recursive: true })
  })
  const settings: JobSettings = {
    logDirectory,
    logCursor: log.cursor,
    catalogPath: path.join(folder, 'catalog.db'),
    warehousePath: path.join(folder, 'warehouse'),
    rejectedDirectory: path.join(folder, 'rejected'),
    windowUs: 300_000_000,
    commitIntervalMs: 1_000,
    dedupeHorizonMs: 3_600_000,
    dedupeMemoryMaxBytes: 64 * MIB,
    retentionEventsMs: 0,
    retentionMetricsMs: 0,
    rejectedMaxBytes: MIB,
    acceptNewLog: false,
    killAt: undefined,
  }
  return { log, settings }
}

test('what stops the job is told with the stack it has in the thread', async (t) => {
  const { settings } = await openPlace(t)
  const logDirectory = `${settings.logDirectory}-gone`
  await assert.rejects(startJob({ ...settings, logDirectory }, SILENT), (error: Error) => {
    assert.match(error.message, /the job stopped: .*log-gone/)
    assert(error.cause instanceof Error)
    assert.match(error.cause.stack ?? '', /job\/run\.ts/)
    return true
  })
})

test('a job that has stopped by itself is closed at once, and says again what stopped it', async (t) => {
  const { log, settings } = await openPlace(t)
  const job = await startJob(settings, SILENT)
  // A file where the folder for rejected events should be.
  await writeFile(settings.rejectedDirectory, '')
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await assert.rejects(job.failed, /the job stopped: Rejected events cannot be kept/)
  await assert.rejects(job.close(log.end(), 10_000), /the job stopped: Rejected events/)
})

test('closing commits what the log holds', async (t) => {
  const { log, settings } = await openPlace(t)
  const job = await startJob(settings, SILENT)
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await job.close(log.end(), 10_000)
  assert.equal(job.progress().checkpoint.rejected, 1)
  assert.equal(job.progress().checkpoint.nextOffset, 1)
})
