/** The machine's clock steps (F17): arrival never decreases, and nothing stands still. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { clockEnvironment } from '../support/clock.ts'
import { eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'

const HOUR_MS = 3_600_000
const ROWS = 20

let folder: Folder

afterEach(() => folder.close())

for (const [name, offsetMs] of [
  ['back by six hours', -6 * HOUR_MS],
  ['ahead by six hours', 6 * HOUR_MS],
] as const) {
  test(`while it runs the clock steps ${name}: events are still committed`, async () => {
    folder = await openFolder()
    // A busy machine needs some seconds for the start and the first events.
    const atMs = Date.now() + 8_000
    const environment = clockEnvironment({ offsetMs: 0, later: { atMs, offsetMs } })
    await whileRunning(
      folder,
      async (product) => {
        await postAccepted(product.url, eventLines('before', ROWS).join('\n'))
        await waitUntilSettled(product.url)
        await sleep(atMs + 500 - Date.now())
        await postAccepted(product.url, eventLines('after', ROWS).join('\n'))
        await waitUntilSettled(product.url)
        await postAccepted(product.url, eventLines('after', ROWS).join('\n'))
        await expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: ROWS })
      },
      { environment },
    )
  })
}

test('between two runs the clock steps back: repeats are duplicates, events are dated by the later clock', async () => {
  folder = await openFolder()
  const body = eventLines('before', ROWS).join('\n')
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, body)
    await waitUntilSettled(product.url)
  })
  const environment = clockEnvironment({ offsetMs: -HOUR_MS })
  await whileRunning(
    folder,
    async (product) => {
      await postAccepted(product.url, body)
      // For the clock that stepped back these are an hour ahead; arrival never decreases.
      const later = await postAccepted(product.url, eventLines('after', ROWS).join('\n'))
      assert.deepEqual(later.rejected, [])
      await expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: ROWS })
    },
    { environment, end: 'kill' },
  )
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, body)
    await expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: 2 * ROWS })
  })
})
