/** The thread of the figures as the main thread sees it, and the messages between the two. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { Weekday } from '../../dashboard-definition.ts'
import type { SumsOptions } from '../../query.ts'
import { reasonOf } from '../../runtime.ts'
import type { FiguresAnswer } from '../answers/answer.ts'
import type { LiveUpdate } from '../live/live-updates.ts'

/** Plain values, since they cross from one thread to another. */
export type FiguresSettings = Readonly<{
  /** Where the files of both tables are, and where copies are cached. */
  warehouse: SumsOptions['warehouse']
  cache: SumsOptions['cache']
  windowUs: number
  /** In which days begin, unless a question has another. */
  timezone: string
  /** null: as the reader's language says. */
  weekStart: Weekday | null
  /** Of revenue, for files; null where it is a plain number. */
  currency: string | null
  /** The file with the names of campaigns; null if there is none. */
  campaignNames: string | null
}>

/** What the thread is started with; `feed` is its end of the channel from the job. */
export type WorkerData = Readonly<{ settings: FiguresSettings; feed: MessagePort }>

export type ToWorker =
  | Readonly<{ kind: 'question'; id: number; path: string; query: string; waiting: boolean }>
  | Readonly<{ kind: 'close' }>

export type FromWorker =
  | Readonly<{ kind: 'started' }>
  | Readonly<{ kind: 'answer'; id: number; answer: FiguresAnswer }>
  | Readonly<{ kind: 'live'; live: LiveUpdate }>
  | Readonly<{ kind: 'names'; problem: string | null }>
  | Readonly<{ kind: 'failed'; message: string; stack: string }>
  | Readonly<{ kind: 'closed' }>

export type FiguresThreadEvents = Readonly<{
  onLive: (live: LiveUpdate) => void
  /** Why the file with the names of campaigns cannot be used; null when it can again. */
  onNames: (problem: string | null) => void
  /** The thread has ended unasked; questions are rejected from then on. */
  onFailed: (error: Error) => void
}>

export type FiguresThread = {
  /** For the job: it sends its feed to this port. */
  readonly port: MessagePort
  /**
   * `path` is `summary`, `trend`, `revenue`, `breakdown`, `campaigns`, `campaigns.csv` or
   * `values`; `query` is what follows the question mark; `waiting` means that some accepted events
   * are not in the tables. Rejects only when the thread has ended.
   */
  answer(path: string, query: string, waiting: boolean): Promise<FiguresAnswer>
  close(): Promise<void>
}

/** A thread that has not ended by then is terminated: it has nothing to save. */
const CLOSE_MS_MAX = 2000

/** Resolves when the thread runs. It answers once the job has sent the list of files. */
export async function startFiguresThread(
  settings: FiguresSettings,
  events: FiguresThreadEvents,
): Promise<FiguresThread> {
  const { port1: feed, port2: port } = new MessageChannel()
  const workerData: WorkerData = { settings, feed }
  const worker = new Worker(workerLocation(), { workerData, transferList: [feed] })
  const questions = new Map<number, PromiseWithResolvers<FiguresAnswer>>()
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

  function receive(message: FromWorker): void {
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
      case 'names':
        events.onNames(message.problem)
        return
      case 'failed':
        fail(errorOf(message))
        return
      case 'closed':
        closed.resolve()
        return
      default:
        message satisfies never
    }
  }

  worker.on('message', receive)
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(reasonOf(error))))
  worker.on('exit', (code) => fail(new Error(`the thread of the figures has ended with ${code}`)))
  await started.promise

  return {
    port,
    answer(path, query, waiting): Promise<FiguresAnswer> {
      if (failure !== null) return Promise.reject(failure)
      const id = ++lastId
      const question = Promise.withResolvers<FiguresAnswer>()
      questions.set(id, question)
      worker.postMessage({ kind: 'question', id, path, query, waiting } satisfies ToWorker)
      return question.promise
    },
    async close(): Promise<void> {
      isClosing = true
      if (failure === null) worker.postMessage({ kind: 'close' } satisfies ToWorker)
      const late = setTimeout(() => closed.resolve(), CLOSE_MS_MAX)
      await closed.promise
      clearTimeout(late)
      await worker.terminate()
    },
  }
}

/** An error of the other thread, with its stack. */
function errorOf({ message, stack }: Extract<FromWorker, { kind: 'failed' }>): Error {
  const error = new Error(message)
  error.stack = stack
  return error
}

/** Sources run as .ts, the published package as .js. */
function workerLocation(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
}
