/**
 * A disk that fills up (F6): senders are told to come back, nothing answered is lost, and once
 * there is space again everything goes on. A small file system of its own is mounted for it.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { post, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { startProduct } from '../support/product.ts'
import { checkTables, openInputFile, skipReaders } from '../support/readers.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

const DISK_MIB = 320
const MIB = 1024 * 1024
const ROWS = 4_000
const RECOVER_LIMIT_MS = 30_000
const disk = mountDisk()

after(() => {
  if (disk.path === null) return
  execFileSync('umount', [disk.path])
  rmSync(disk.path, { recursive: true })
})

for (const [name, diskReserve, leaveBytes] of [
  ['within the reserve: before the disk is full', '32MiB', 20 * MIB],
  ['when the disk is full to the last byte', '0', 0],
] as const) {
  test(`events are refused with 503 and stored once there is space, ${name}`, {
    skip: disk.skip || skipReaders,
  }, async (t) => {
    const folder = await openFolder({ diskReserve }, disk.path as string)
    // What the test itself keeps stands on the other disk.
    const elsewhere = await openFolder()
    const input = await openInputFile(elsewhere)
    let product = await startProduct(folder)
    let batch = 0
    t.after(async () => {
      await product.kill()
      rmSync(join(disk.path as string, 'ballast'), { force: true })
      await folder.close()
      await elsewhere.close()
    })
    /** The next batch; what is refused or not answered is sent again later, with the same ids. */
    const sendNext = async (): Promise<number | null> => {
      const lines = eventLines(`batch-${batch}`, ROWS)
      const answer = await post(product.url, lines.join('\n')).catch(() => null)
      if (answer === null) return null
      if (answer.status === 200) {
        await input.add(lines)
        batch += 1
      } else {
        assert.ok([429, 503].includes(answer.status), `${answer.status} ${answer.text}`)
        assert.match(String(answer.headers['retry-after']), /^\d+$/)
      }
      return answer.status
    }
    assert.equal(await sendNext(), 200)
    const ballast = fillDisk(disk.path as string, leaveBytes)
    let refusals = 0
    for (let tries = 0; tries < 400 && refusals < 3; tries += 1) {
      const status = await sendNext()
      if (status === null) break
      if (status === 503) refusals += 1
      if (refusals > 0) await sleep(100)
    }
    const ended = await Promise.race([product.exited, sleep(200)])
    rmSync(ballast)
    assert.equal(ended, undefined, product.output())
    assert.ok(refusals >= 3, `never refused, after ${batch} batches`)
    const deadline = AbortSignal.timeout(RECOVER_LIMIT_MS)
    while ((await sendNext()) !== 200) {
      assert.ok(!deadline.aborted, `still refused with free space:\n${product.output()}`)
      await sleep(200)
    }
    const { stored } = await waitUntilSettled(product.url)
    assert.equal(stored, batch * ROWS)
    await expectSettled(folder, product.url, { stored })
    assert.deepEqual(await product.stop(), { code: 0, signal: null })
    await checkTables(folder, [input.path])
    await whileRunning(folder, async (again) => {
      product = again
      assert.equal(await sendNext(), 200)
    })
  })
}

function mountDisk(): Readonly<{ path: string; skip: false } | { path: null; skip: string }> {
  const path = mkdtempSync(join(tmpdir(), 'campaign-metrics-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', path], {
      stdio: 'pipe',
    })
    return { path, skip: false }
  } catch (error) {
    rmSync(path, { recursive: true })
    const reason = `no small disk can be mounted here: ${String(error).split('\n').at(-2)}`
    console.error(`SKIPPED full-disk tests: ${reason}`)
    return { path: null, skip: reason }
  }
}

/** Takes all the space but `leaveBytes` away, as any other program on the disk would. */
function fillDisk(path: string, leaveBytes: number): string {
  const name = join(path, 'ballast')
  const file = openSync(name, 'w')
  const block = Buffer.alloc(256 * 1024, 1)
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(path)
      const free = bavail * bsize - leaveBytes
      if (free <= 0) break
      writeSync(file, block, 0, Math.min(free, block.length))
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
  return name
}
