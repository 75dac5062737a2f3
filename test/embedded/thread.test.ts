/** The job's thread as the main thread sees it: what went wrong there is told here. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startJob } from '../../src/embedded.ts'
import { openJobPlace } from '../support/job-place.ts'

const SILENT = { onProgress() {}, onWarning() {} }

test('what stops the job is told with the stack it has in the thread', async (t) => {
  const { settings } = await openJobPlace(t)
  assert(settings.log.kind === 'folder')
  const log = { ...settings.log, path: `${settings.log.path}-gone` }
  await assert.rejects(startJob({ ...settings, log }, SILENT), (error: Error) => {
    assert.match(error.message, /the job stopped: .*log-gone/)
    assert(error.cause instanceof Error)
    assert.match(error.cause.stack ?? '', /embedded\/run\.ts/)
    return true
  })
})

test('a job that stopped by itself closes at once and tells again what stopped it', async (t) => {
  const { log, settings } = await openJobPlace(t)
  const job = await startJob(settings, SILENT)
  // A file where the folder for rejected events should be.
  await writeFile(settings.rejectedDirectory, '')
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await assert.rejects(job.failed, /the job stopped: Rejected events cannot be kept/)
  await assert.rejects(job.close(log.end(), 10_000), /the job stopped: Rejected events/)
})

test('closing commits what the log holds', async (t) => {
  const { log, settings } = await openJobPlace(t)
  const job = await startJob(settings, SILENT)
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await job.close(log.end(), 10_000)
  assert.equal(job.progress().checkpoint.rejected, 1)
  assert.equal(job.progress().checkpoint.nextOffset, 1)
})
