/**
 * The other thread of reader.test.ts: reads `count` lines, and reports them with how often its own
 * timer fired meanwhile.
 */
import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { openLogReader } from '../../src/log.ts'

const { count, cursor, directory } = workerData as {
  count: number
  cursor: SharedArrayBuffer
  directory: string
}
const reader = await openLogReader({ directory, cursor })
let turns = 0
const timer = setInterval(() => {
  turns += 1
}, 1)
let text = ''
for (let offset = 0; offset < count; ) {
  const frame = await reader.next(offset, 10_000)
  assert(frame !== null)
  assert.equal(frame.firstOffset, offset)
  text += Buffer.from(frame.bytes).toString()
  offset += frame.count
}
clearInterval(timer)
await reader.close()
parentPort?.postMessage({ text, turns })
