/**
 * Who waits for whom: small loads overtake large ones, and no more rows are loaded at once than
 * there is room for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadQueue, RowSemaphore } from '../../../src/dashboard/store/load-scheduler.ts'

const turn = (): Promise<void> => new Promise(setImmediate)

test('loads run one at a time, the smallest first, also after a failure', async () => {
  const queue = new LoadQueue()
  const begun: number[] = []
  let running = 0
  const load = (cost: number): Promise<number> =>
    queue.run(cost, async () => {
      begun.push(cost)
      assert.equal(++running, 1)
      await turn()
      running--
      if (cost === 3) throw new Error('three')
      return cost
    })
  const done = await Promise.allSettled([50, 20, 3, 40, 3].map(load))
  assert.deepEqual(begun, [50, 3, 3, 20, 40])
  assert.deepEqual(
    done.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'],
  )
  assert.equal(await load(1), 1)
})

test('a semaphore admits what there is room for, in the order of asking', async () => {
  const semaphore = new RowSemaphore(100)
  const log: string[] = []
  const leave: (() => void)[] = []
  const enter = (rows: number): Promise<void> =>
    semaphore.run(rows, () => {
      log.push(`in ${rows}`)
      return new Promise((resolve) => leave.push(resolve))
    })
  const all = [enter(60), enter(30), enter(50), enter(5), enter(500)]
  await turn()
  assert.deepEqual(log, ['in 60', 'in 30'], 'nobody overtakes: 5 waits behind 50')
  leave[0]?.()
  await turn()
  assert.deepEqual(log, ['in 60', 'in 30', 'in 50', 'in 5'])
  for (const one of leave.slice(1)) one()
  await turn()
  assert.deepEqual(log.at(-1), 'in 500', 'what is larger than the bound runs alone')
  leave.at(-1)?.()
  await Promise.all(all)
})
