/**
 * The job thread: opens log reader, tables, engine and dedupe memory, goes on from the checkpoint,
 * and reports.
 */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { killAt, systemCode } from '../runtime.ts'
import type { LakeWriter } from '../table.ts'
import type { FromJob, JobSettings, ToJob } from './message.ts'
import { openRun } from './run.ts'

assert(parentPort !== null, 'runs as a worker thread')
const port = parentPort
const tell = (message: FromJob): void => port.postMessage(message)
type ClientMessage = Extract<ToJob, { kind: 'expect-client' | 'client-commit' }>
const settings = workerData as JobSettings // given by thread.ts, which is typed

try {
  const run = await openRun(settings, {
    nowUs: () => Date.now() * 1000,
    steadyMs: () => performance.now(),
    seed: randomBytes(8).readBigUInt64LE(),
    onStep: killAt(settings.killAt),
    onProgress: (progress) => tell({ kind: 'progress', progress }),
    onStalled: (reason) => tell({ kind: 'stalled', reason }),
    onMisplaced: (fault) => tell({ kind: 'misplaced', fault }),
    onWarning: (text) => tell({ kind: 'warning', text }),
  })
  port.on('message', (message: ToJob) => {
    switch (message.kind) {
      case 'feed':
        run.feed(message.port)
        return
      case 'stop':
        run.stop(message.untilOffset, message.readingMs)
        return
      case 'expect-client':
      case 'client-commit':
        void serve(run.lakeWriter, message)
    }
  })
  try {
    await run.finished
  } finally {
    await run.close()
  }
  tell({ kind: 'stopped' })
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  tell({ kind: 'failed', message, stack: stack ?? message, code: systemCode(error) })
}

async function serve(writer: LakeWriter, message: ClientMessage): Promise<void> {
  const { request } = message
  if (message.kind === 'client-commit') {
    tell({ kind: 'client-answer', request, answer: await writer.commit(message.changes) })
    return
  }
  await writer.expect()
  tell({ kind: 'client-expected', request })
}
