/** One folder, one process (F7), also when the first is only asleep (F8). */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { post, postAccepted } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectRefusal, startProduct } from '../support/product.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

const ROWS = 20

let folder: Folder

afterEach(() => folder.close())

test('a second process on the same folders is refused by name; the first goes on', async () => {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, eventLines('before', ROWS).join('\n'))
    await expectHeld(product.pid)
    await postAccepted(product.url, eventLines('after', ROWS).join('\n'))
    await expectSettled(folder, product.url, { stored: 2 * ROWS })
  })
})

test('a second process on the same log but other tables refuses', async () => {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    await folder.configure({ warehouse: './other/warehouse', catalog: './other/catalog.db' })
    await expectHeld(product.pid)
  })
})

test('a second process on the same tables but another log refuses', async () => {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    await folder.configure({ log: './other/log' })
    await expectHeld(product.pid)
    await folder.configure({})
    await postAccepted(product.url, eventLines('still', ROWS).join('\n'))
    await expectSettled(folder, product.url, { stored: ROWS })
  })
})

test('a process that slept still owns its folders: none takes over, nothing is lost', async () => {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, eventLines('awake', ROWS).join('\n'))
    const answers = ['a', 'b', 'c', 'd'].map((prefix) =>
      post(product.url, eventLines(prefix, ROWS).join('\n')),
    )
    process.kill(product.pid, 'SIGSTOP')
    try {
      await expectHeld(product.pid)
      await sleep(2_000)
    } finally {
      process.kill(product.pid, 'SIGCONT')
    }
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200)
    await expectSettled(folder, product.url, { stored: 5 * ROWS, duplicates: 0 })
  })
})

test('the locks die with their holder: a start right after SIGKILL succeeds', async () => {
  folder = await openFolder()
  for (let round = 0; round < 3; round += 1) {
    const product = await startProduct(folder)
    await postAccepted(product.url, eventLines(`round-${round}`, ROWS).join('\n'))
    await product.kill()
  }
  await whileRunning(folder, (product) => expectSettled(folder, product.url, { stored: 3 * ROWS }))
})

async function expectHeld(holder: number): Promise<void> {
  const refused = await expectRefusal(folder)
  const said = refused.stdout + refused.stderr
  assert.ok(refused.exit.code !== 0 && refused.exit.code !== null, said)
  assert.ok(said.includes(String(holder)), `the holder's pid ${holder} is not in: ${said}`)
  assert.doesNotMatch(said, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace is no message')
}
