/** The job's thread as the main thread sees it: what went wrong there is told here. */
import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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

test('a job that was closed has not failed, and tells its last commit', async (t) => {
  const { log, settings } = await openJobPlace(t)
  const beforeUs = log.stampUs()
  const job = await startJob(settings, SILENT)
  let hasFailed = false
  job.failed.catch(() => {
    hasFailed = true
  })
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await job.close(log.end(), 10_000)
  // The thread is gone: what its end says would be heard by now.
  await sleep(50)
  assert.equal(hasFailed, false)
  const { lastCommit } = job.progress()
  assert.ok(lastCommit !== null)
  assert.ok(lastCommit.atUs >= beforeUs && lastCommit.atUs <= log.stampUs() + 1_000)
  assert.ok((lastCommit.durationMs ?? 0) > 0)
})

test('a warehouse that goes away stalls the job, once, until it is back', async (t) => {
  const { settings } = await openJobPlace(t)
  const { warehouse } = settings
  assert.ok(warehouse.kind === 'folder')
  const stalls: (string | null)[] = []
  const warnings: string[] = []
  const job = await startJob(settings, {
    onProgress: ({ stalled }) => stalls.push(stalled),
    onWarning: (text) => warnings.push(text),
  })
  const until = async (isSo: () => boolean): Promise<void> => {
    const deadlineMs = performance.now() + 30_000
    while (!isSo()) {
      assert.ok(performance.now() < deadlineMs, JSON.stringify(stalls))
      await sleep(20)
    }
  }
  await rename(warehouse.path, `${warehouse.path}-away`)
  await until(() => stalls.at(-1) !== null && stalls.length > 0)
  assert.match(stalls.at(-1) ?? '', /the warehouse .* was removed or renamed/)
  assert.equal(job.progress().stalled, stalls.at(-1))
  const told = stalls.length
  // It is looked at every second, and nothing new is told.
  await sleep(2_500)
  assert.equal(stalls.length, told)
  assert.equal(warnings.length, 1)
  await rename(`${warehouse.path}-away`, warehouse.path)
  await until(() => stalls.at(-1) === null)
  await job.close(0, 10_000)
})
