/** The main thread's side of the job: starts the thread, receives its progress, stops it. */
import { type MessagePort, Worker } from 'node:worker_threads'
import type { ClientAnswer, LakeWriter } from '../table.ts'
import { JobError } from './error.ts'
import type { FromJob, JobSettings, RunProgress, ToJob } from './message.ts'

/**
 * `stalled`: why reading or committing does not go on for now; null when it does. `misplaced`: as
 * in JobProgress.
 */
export type ThreadProgress = RunProgress &
  Readonly<{ stalled: string | null; misplaced: string | null }>

export type JobThread = {
  progress(): ThreadProgress
  /** Rejects when the job has stopped by itself; never resolves. */
  readonly failed: Promise<never>
  /**
   * Gives the port away: the job tells it what the tables gain (see FeedMessage), in place of one
   * given before.
   */
  feed(port: MessagePort): void
  readonly lakeWriter: LakeWriter
  /**
   * Commits what the log holds before `untilOffset`, reading for `readingMs` at most; the rest
   * waits in the log.
   */
  close(untilOffset: number, readingMs: number): Promise<void>
}

export type JobEvents = Readonly<{
  onProgress: (progress: ThreadProgress) => void
  onWarning: (text: string) => void
}>

/**
 * Resolves when the tables are open and agree with the log; event ids are then read back in the
 * background.
 */
export async function startJob(settings: JobSettings, events: JobEvents): Promise<JobThread> {
  const worker = new Worker(workerLocation(), { workerData: settings })
  let latest: ThreadProgress | null = null
  let stalled: string | null = null
  let misplaced: string | null = null
  let closing = false
  const clients = openClients((message) => worker.postMessage(message))
  const ready = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  const stopped = Promise.withResolvers<void>()
  failed.promise.catch(() => {})
  stopped.promise.catch(() => {})

  function fail(error: unknown): void {
    clients.end()
    ready.reject(error)
    failed.reject(error)
    stopped.reject(error)
  }

  function takeProgress(progress: ThreadProgress): void {
    latest = progress
    events.onProgress(progress)
  }

  function receive(message: FromJob): void {
    switch (message.kind) {
      case 'progress':
        takeProgress({ ...message.progress, stalled, misplaced })
        ready.resolve()
        return
      case 'stalled':
        stalled = message.reason
        if (latest !== null) takeProgress({ ...latest, stalled })
        return
      case 'misplaced':
        misplaced = message.fault
        if (latest !== null) takeProgress({ ...latest, misplaced })
        return
      case 'warning':
        events.onWarning(message.text)
        return
      case 'failed':
        fail(errorOf(message))
        return
      case 'client-expected':
        clients.answer(message.request, null)
        return
      case 'client-answer':
        clients.answer(message.request, message.answer)
        return
      case 'stopped':
        clients.end()
        stopped.resolve()
        return
      default:
        message satisfies never
    }
  }

  worker.on('message', receive)
  worker.on('error', (cause) => fail(new JobError('failed', { reason: cause.message }, cause)))
  worker.on('exit', (exitCode) => {
    clients.end()
    const ended = new JobError('thread-ended', { exitCode })
    // Has no effect once the thread has reported that it stopped; else `close` would wait for a
    // message that cannot come.
    if (closing) stopped.reject(ended)
    else fail(ended)
  })
  await ready.promise

  return {
    progress(): ThreadProgress {
      if (latest === null) throw new TypeError('a started job has reported its progress')
      return latest
    },
    failed: failed.promise,
    lakeWriter: clients.writer,
    feed: (port) => worker.postMessage({ kind: 'feed', port } satisfies ToJob, [port]),
    async close(untilOffset, readingMs): Promise<void> {
      closing = true
      worker.postMessage({ kind: 'stop', untilOffset, readingMs } satisfies ToJob)
      try {
        await stopped.promise
      } finally {
        await worker.terminate()
      }
    },
  }
}

/** Requests of clients to the job, which are told that it has ended when no answer can come. */
function openClients(send: (message: ToJob) => void) {
  const waiting = new Map<number, (answer: ClientAnswer | null) => void>()
  let last = 0
  let hasEnded = false
  const ask = (message: (request: number) => ToJob): Promise<ClientAnswer | null> => {
    if (hasEnded) return Promise.resolve(null)
    const request = ++last
    return new Promise((resolve) => {
      waiting.set(request, resolve)
      send(message(request))
    })
  }
  const writer: LakeWriter = {
    async expect() {
      await ask((request) => ({ kind: 'expect-client', request }))
    },
    async commit(changes) {
      if (hasEnded)
        return { kind: 'unavailable', message: 'the job has ended; nothing was changed' }
      return (await ask((request) => ({ kind: 'client-commit', request, changes }))) ?? LOST
    },
  }
  return {
    writer,
    answer(request: number, answer: ClientAnswer | null): void {
      waiting.get(request)?.(answer)
      waiting.delete(request)
    },
    end(): void {
      hasEnded = true
      for (const resolve of waiting.values()) resolve(null)
      waiting.clear()
    },
  }
}

const LOST: ClientAnswer = {
  kind: 'unknown',
  message: 'the job ended before it told whether the commit landed: load the table to see',
}

type Failed = Extract<FromJob, { kind: 'failed' }>

function errorOf(failed: Failed): JobError {
  const code = failed.code === 'lock-lost' ? 'lock-lost' : 'failed'
  return new JobError(code, { reason: failed.message }, thrownThere(failed))
}

/** What was thrown in the job thread, as an error with the stack it has there. */
function thrownThere({ message, stack }: Failed): Error {
  const error = new Error(message)
  error.stack = stack
  return error
}

/** Sources run as .ts, the published package as .js. */
function workerLocation(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
}
