/**
 * The facts thread: opens DuckDB over the tables' files, hears the job, answers questions. A thread of its own, so that
 * neither taking events in nor writing tables waits for somebody who looks at them.
 */
import { strict as assert } from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import type { FeedMessage } from '../../embedded.ts'
import { openSums } from '../../query.ts'
import { Desk } from './desk.ts'
import type { FactsWorkerData, FromFacts, ToFacts } from './message.ts'

const TICK_MS = 1000

assert(parentPort !== null, 'runs as a worker thread')
const port = parentPort
const { settings, feed } = workerData as FactsWorkerData // given by facts.ts, which is typed
const tell = (message: FromFacts): void => port.postMessage(message)

try {
  const sums = await openSums({ ...settings, nowMs: () => Date.now() })
  const desk = new Desk({
    sums,
    windowUs: settings.windowUs,
    nowUs: () => Date.now() * 1000,
    onLive: (live) => tell({ kind: 'live', live }),
  })
  const ticking = setInterval(() => desk.tick(), TICK_MS)
  feed.on('message', (message: FeedMessage) => desk.take(message))
  port.on('message', (message: ToFacts) => {
    if (message.kind === 'question') void answer(desk, message)
    else void close()
  })
  tell({ kind: 'started' })

  async function close(): Promise<void> {
    clearInterval(ticking)
    feed.close()
    await sums.close()
    tell({ kind: 'closed' })
    port.close()
  }
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  tell({ kind: 'failed', message, stack: stack ?? message })
}

async function answer(desk: Desk, question: Extract<ToFacts, { kind: 'question' }>): Promise<void> {
  const { id, path, query, waiting } = question
  const answered = await desk.answer(path, query, waiting)
  const { body } = answered
  port.postMessage(
    { kind: 'answer', id, answer: answered } satisfies FromFacts,
    body instanceof Uint8Array && body.buffer instanceof ArrayBuffer ? [body.buffer] : [],
  )
}
