/**
 * Files of the log that vanish while it runs: noticed, reported, and what they hold is still read
 * where a file was open before (F29).
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Log, openEventReader } from '../../src/log.ts'
import { until } from '../support/until.ts'
import { append, inRoom, line, logError, withLog } from './room.ts'

const LINES = 60
const LINE_BYTES = 1000

const segmentsIn = (directory: string): readonly string[] =>
  readdirSync(directory).filter((name) => name.endsWith('.segment'))

/** Several segments, of which a reader has read nothing yet. */
async function fill(log: Log): Promise<void> {
  for (let number = 0; number < LINES; number++) await append(log, number, 1, LINE_BYTES)
}

/** Acts after the first frame, when the reader has opened what is still to be read. */
async function readAll(log: Log, directory: string, act: () => void): Promise<string> {
  const reader = await openEventReader({
    place: { kind: 'folder', path: directory },
    cursor: log.cursor,
    steadyMs: () => performance.now(),
    onStalled: (message) => assert.fail(message ?? 'stalled'),
  })
  try {
    let text = ''
    let offset = 0
    while (offset < log.end()) {
      const frame = await reader.next(offset, 0)
      assert.ok(frame !== null)
      text += Buffer.from(frame.bytes).toString()
      if (offset === 0) {
        await until(() => openSegments(directory) > segmentsIn(directory).length)
        act()
      }
      offset = frame.firstOffset + frame.count
    }
    return text
  } finally {
    await reader.close()
  }
}

/** Descriptors of this process on segments in the folder: the writer's and the reader's. */
function openSegments(directory: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(directory) && target.endsWith('.segment'))
    .length
}

const ALL = Array.from({ length: LINES }, (_, number) => line(number, LINE_BYTES)).join('')

const PROC = { skip: existsSync('/proc/self/fd') ? false : 'there is no /proc here' }

test('a removed log folder: nothing more is accepted, and all that was is still read', PROC, () =>
  inRoom(async ({ options, directory }) => {
    const bytesMax = 2 ** 22
    await withLog({ ...options, bytesMax }, async (log) => {
      await fill(log)
      assert.ok(segmentsIn(directory).length > 3)
      const text = await readAll(log, directory, () =>
        rmSync(directory, { recursive: true, force: true }),
      )
      assert.equal(text, ALL)
      await assert.rejects(append(log, LINES), logError('misplaced', /was removed or renamed/))
      assert.match(log.stats().full?.message ?? '', /put it back/)
    })
  }),
)

test('an older segment that is not in the tables yet is missed until it is', () =>
  inRoom(async ({ options, directory, clock }) => {
    await withLog({ ...options, bytesMax: 2 ** 22 }, async (log) => {
      await fill(log)
      assert.equal(log.stats().full, null)
      const [first = ''] = segmentsIn(directory)
      const path = join(directory, first)
      renameSync(path, `${path}-away`)
      clock.nowUs += 1_000_000
      await assert.rejects(append(log, LINES), logError('misplaced', /segment .* was removed/))
      renameSync(`${path}-away`, path)
      clock.nowUs += 1_000_000
      await append(log, LINES)
      rmSync(path)
      clock.nowUs += 1_000_000
      await assert.rejects(append(log, LINES + 1), logError('misplaced', /segment .* was removed/))
      await log.trim(log.end())
      clock.nowUs += 1_000_000
      await append(log, LINES + 1)
    })
  }))
