/** The share of bots: it fills by itself, and what else was rejected is kept beside it. */
import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  countRejected,
  listRejected,
  openRejectedShares,
  type RejectedRecord,
  type RejectedShares,
} from '../../src/rejected.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const NOW_US = 1_795_341_600_000_000
const KIB = 1024

type Opened = Readonly<{ directory: string; warnings: string[]; shares: RejectedShares }>

async function open(t: TestContext, directory = ''): Promise<Opened> {
  const warnings: string[] = []
  const folder = directory === '' ? join(makeScratchFolder('shares', t), 'rejected') : directory
  await mkdir(folder, { recursive: true })
  const shares = await openRejectedShares({
    directory: folder,
    bytesMax: 64 * KIB,
    nowUs: () => NOW_US,
    warn: (message) => warnings.push(message),
  })
  t.after(() => shares.close())
  return { directory: folder, warnings, shares }
}

const recordOf = (reason: RejectedRecord['reason'], text: string): RejectedRecord => ({
  bytes: Buffer.from(text),
  reason,
  arrivalUs: NOW_US,
})

async function textsOf(directory: string): Promise<string[]> {
  const texts: string[] = []
  for await (const { reason, source, bytes } of listRejected(directory))
    texts.push(`${source} ${reason} ${Buffer.from(bytes)}`)
  return texts
}

test('events of bots have files of their own, and both count', async (t) => {
  const { directory, shares } = await open(t)
  await shares.keep([recordOf('bot', 'b1'), recordOf('syntax', 's1'), recordOf('bot', 'b2')])
  assert.deepEqual(await textsOf(directory), ['bots bot b1', 'bots bot b2', 'collector syntax s1'])
  assert.deepEqual((await readdir(directory)).sort(), [
    'bots-00000001.ndjson',
    'collector-00000001.ndjson',
  ])
  assert.equal(shares.stats().total, 3)
  assert.equal(await countRejected(directory), 3)
})

test('bots in any number fill a quarter of the space, and crowd out nothing else', async (t) => {
  const { directory, shares, warnings } = await open(t)
  const large = 'x'.repeat(1000)
  for (let at = 0; at < 100; at++) await shares.keep([recordOf('bot', large)])
  const { keepingCountsOnly, keepingCountsOnlyOfBots, total, countedOnly } = shares.stats()
  assert.deepEqual([keepingCountsOnly, keepingCountsOnlyOfBots, total], [false, true, 100])
  const ofBots = (await textsOf(directory)).length
  assert.ok(ofBots > 0 && ofBots * large.length <= 16 * KIB, `${ofBots} kept`)
  assert.equal(ofBots + countedOnly, 100)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /rejected events of bots are counted/)
  for (let at = 0; at < 30; at++) await shares.keep([recordOf('syntax', large)])
  const kept = (await textsOf(directory)).filter((text) => text.startsWith('collector'))
  assert.equal(kept.length, 30)
  assert.equal(shares.stats().keepingCountsOnly, false)
})

test('a restart counts both on from where they were', async (t) => {
  const { directory, shares } = await open(t)
  await shares.keep([recordOf('bot', 'b'), recordOf('syntax', 's')])
  await shares.close()
  const again = await open(t, directory)
  await again.shares.keep([recordOf('bot', 'b')])
  assert.equal(again.shares.stats().total, 3)
})
