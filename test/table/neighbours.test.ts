/** For whom a commit of ours waits, how long, and how often; on a clock that the test moves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Neighbours, openNeighbours } from '../../src/table/neighbours.ts'

/** `giveWay` returns how many seconds it waited. */
function openWorld() {
  let nowMs = 1_000_000
  const moving = { neighbours: null as Neighbours | null, landsAtMs: Number.POSITIVE_INFINITY }
  const neighbours = openNeighbours(
    () => nowMs,
    async (durationMs) => {
      nowMs += durationMs
    },
  )
  return {
    neighbours,
    pass: (seconds: number) => {
      nowMs += seconds * 1000
    },
    landsIn: (seconds: number) => {
      moving.landsAtMs = nowMs + seconds * 1000
    },
    async giveWay(): Promise<number> {
      const fromMs = nowMs
      await neighbours.giveWay(async () => {
        if (nowMs >= moving.landsAtMs) neighbours.settle([])
      })
      return (nowMs - fromMs) / 1000
    },
  }
}

test('where nobody is expected, nothing waits', async () => {
  const { neighbours, giveWay } = openWorld()
  assert.equal(neighbours.isExpected(), false)
  assert.equal(await giveWay(), 0)
})

test('a commit that lands ends the wait', async () => {
  const { neighbours, giveWay, landsIn } = openWorld()
  neighbours.expect()
  landsIn(3)
  assert.equal(await giveWay(), 3)
  assert.equal(await giveWay(), 0)
})

test('one that does not come is waited for until ten seconds after it was announced', async () => {
  const { neighbours, giveWay, pass } = openWorld()
  neighbours.expect()
  pass(4)
  assert.equal(await giveWay(), 6)
  pass(100)
  neighbours.expect()
  pass(11)
  assert.equal(await giveWay(), 0, 'announced long ago')
})

test('at most half of the time is waited, whoever comes', async () => {
  const { neighbours, giveWay, pass } = openWorld()
  let waited = 0
  for (let second = 0; second < 1000; second++) {
    neighbours.expect()
    waited += await giveWay()
    pass(1)
  }
  assert.ok(waited <= 1000 && waited >= 900, `${waited} of ${waited + 1000} seconds`)
})

test('several of ours wait together, and as long as one', async () => {
  const { neighbours, giveWay } = openWorld()
  neighbours.expect()
  const waits = await Promise.all([giveWay(), giveWay(), giveWay()])
  assert.deepEqual(waits, [10, 10, 10])
})

test('at a stop nothing waits any more', async () => {
  const { neighbours, giveWay } = openWorld()
  neighbours.expect()
  neighbours.stop()
  assert.equal(await giveWay(), 0)
})
