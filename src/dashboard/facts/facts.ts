/** The main thread's side of the facts: starts their thread, asks it, stops it. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { LiveFacts } from './live.ts'
import type { FactsAnswer, FactsSettings, FactsWorkerData, FromFacts, ToFacts } from './message.ts'

export type { LiveFacts } from './live.ts'
export type { FactsAnswer, FactsSettings } from './message.ts'

export type FactsEvents = Readonly<{
  onLive: (live: LiveFacts) => void
  /** The thread has ended by itself; questions are rejected from then on. */
  onFailed: (error: Error) => void
}>

export type Facts = {
  /** To be given to the job, which then tells this thread what the tables gain. */
  readonly port: MessagePort
  /**
   * `path` is `summary`, `trend`, `revenue`, `campaigns`, `campaigns.csv` or `values`, `query` what follows the question
   * mark; `waiting` says that there are events which are not in the tables. Rejects only when the thread has ended.
   */
  answer(path: string, query: string, waiting: boolean): Promise<FactsAnswer>
  close(): Promise<void>
}

/** A thread that does not end by then is ended: nothing of it is to be saved. */
const CLOSE_MS_MAX = 2000

/** Resolves when the thread runs; answers come once the job has told it what the tables hold. */
export async function startFacts(settings: FactsSettings, events: FactsEvents): Promise<Facts> {
  const { port1: feed, port2: port } = new MessageChannel()
  const workerData: FactsWorkerData = { settings, feed }
  const worker = new Worker(workerLocation(), { workerData, transferList: [feed] })
  const questions = new Map<number, PromiseWithResolvers<FactsAnswer>>()
  const started = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  let isClosing = false
  let failure: Error | null = null
  let lastId = 0

  function fail(error: Error): void {
    if (failure !== null) return
    failure = error
    started.reject(error)
    closed.resolve()
    for (const question of questions.values()) question.reject(error)
    questions.clear()
    if (!isClosing) events.onFailed(error)
  }

  function receive(message: FromFacts): void {
    switch (message.kind) {
      case 'started':
        started.resolve()
        return
      case 'answer':
        questions.get(message.id)?.resolve(message.answer)
        questions.delete(message.id)
        return
      case 'live':
        events.onLive(message.live)
        return
      case 'failed':
        fail(thrownThere(message))
        return
      case 'closed':
        closed.resolve()
        return
      default:
        message satisfies never
    }
  }

  worker.on('message', receive)
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => fail(new Error(`the thread of the figures has ended with ${code}`)))
  await started.promise

  return {
    port,
    answer(path, query, waiting): Promise<FactsAnswer> {
      if (failure !== null) return Promise.reject(failure)
      const id = ++lastId
      const question = Promise.withResolvers<FactsAnswer>()
      questions.set(id, question)
      worker.postMessage({ kind: 'question', id, path, query, waiting } satisfies ToFacts)
      return question.promise
    },
    async close(): Promise<void> {
      isClosing = true
      if (failure === null) worker.postMessage({ kind: 'close' } satisfies ToFacts)
      const late = setTimeout(() => closed.resolve(), CLOSE_MS_MAX)
      await closed.promise
      clearTimeout(late)
      await worker.terminate()
    },
  }
}

/** What was thrown in the facts thread, as an error with the stack it has there. */
function thrownThere({ message, stack }: Extract<FromFacts, { kind: 'failed' }>): Error {
  const error = new Error(message)
  error.stack = stack
  return error
}

/** Sources run as .ts, the published package as .js. */
function workerLocation(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
}
