/**
 * Supervises the thread of the figures, so that its failure affects nothing else: events are still
 * collected, the API says what is wrong, and a request after a pause starts a new thread.
 *
 *     starting ──► running ──► failed ──(asked again after a pause)──► starting
 *
 * The pause doubles while threads fail soon after their start: a permanent fault is retried and
 * logged once a minute.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ReadAnswer } from '../../collect.ts'
import { reasonOf } from '../../runtime.ts'
import type { FiguresAnswer } from '../answers/answer.ts'
import type { FiguresThread, FiguresThreadEvents } from '../figures/figures-thread.ts'
import type { LiveUpdate } from '../live/live-updates.ts'
import { BROWSER_HEADERS, errorAnswer, jsonAnswer } from './answer.ts'

export type FiguresSupervisor = {
  /** The answer of the thread, or why there is none; never rejects. */
  answer(path: string, query: string, sentTags: string | undefined): Promise<ReadAnswer>
  /** Somebody watches: restarts a failed thread when the pause is over. */
  wake(): void
  /** One sentence while there is no thread, or it does not answer; else null. */
  problem(): string | null
  /** Ends all waiting requests at once, so that closing does not wait for a long answer. */
  stop(): void
  close(): Promise<void>
}

export type FiguresSupervisorParts = Readonly<{
  start: (events: FiguresThreadEvents) => Promise<FiguresThread>
  /** Makes the job send its feed to this port. */
  feed: (port: MessagePort) => void
  /** Some accepted events are not in the tables: only the main thread knows the log's end. */
  isWaiting: () => boolean
  /** Versions of different threads differ. */
  onLive: (live: LiveUpdate) => void
  /** Why the file with the names of campaigns cannot be used; null when it can again. */
  onNames: (problem: string | null) => void
  /** A steady clock. */
  nowMs: () => number
  warn: (text: string) => void
}>

const PAUSE_MS = 5000
const PAUSE_MAX_MS = 60_000
/** A thread that ran this long did not fail for the reason of the one before it. */
const STEADY_MS = 60_000
/** The same fault is logged again after this: a page asks every second. */
const FAULT_PAUSE_MS = 60_000
/** Beyond this the thread is stuck, or far too much was asked. */
const ANSWER_MS_MAX = 30_000
/** Requests that wait for the thread; a page asks for five at a time. */
const WAITING_MAX = 256
/** CSV files among them: each occupies the thread for a second, while the page waits. */
const WAITING_FILES_MAX = 4
const FILE_PATH = 'campaigns.csv'
const STILL_COLLECTING = 'events are taken in all the same'

export function openFiguresSupervisor(parts: FiguresSupervisorParts): FiguresSupervisor {
  let thread: Promise<FiguresThread> | null = null
  let threads = 0
  let startedMs = 0
  let pauseMs = 0
  let failure: Readonly<{ reason: string; atMs: number }> | null = null
  /** The last fault of an answer that was logged. */
  let fault: Readonly<{ reason: string; atMs: number }> | null = null
  /** Questions under way, oldest first: how to end each, and when it was asked. */
  const waiting = new Map<(reply: Reply) => void, number>()
  let waitingFiles = 0
  let isClosed = false

  /** Null during the pause after a failure. */
  function running(): Promise<FiguresThread> | null {
    if (isClosed) return null
    if (thread !== null) return thread
    if (failure !== null && parts.nowMs() - failure.atMs < pauseMs) return null
    threads += 1
    startedMs = parts.nowMs()
    const number = threads
    const starting = parts.start({
      onLive(live) {
        if (number === threads) parts.onLive({ ...live, version: `${number}.${live.version}` })
      },
      onNames(problem) {
        if (number === threads) parts.onNames(problem)
      },
      onFailed: (error) => fail(starting, error),
    })
    thread = starting
    starting.then(
      (ready) => {
        if (thread !== starting) return
        failure = null
        parts.feed(ready.port)
      },
      (error) => fail(starting, error),
    )
    return starting
  }

  function fail(failed: Promise<FiguresThread>, error: unknown): void {
    if (thread !== failed || isClosed) return
    thread = null
    failure = { reason: reasonOf(error), atMs: parts.nowMs() }
    const isFirst = pauseMs === 0 || failure.atMs - startedMs > STEADY_MS
    pauseMs = isFirst ? PAUSE_MS : Math.min(PAUSE_MAX_MS, pauseMs * 2)
    parts.warn(`the dashboard cannot read the tables: ${failure.reason}; ${STILL_COLLECTING}`)
    failed.then((ready) => ready.close()).catch(() => {})
  }

  async function ask(asked: Promise<FiguresThread>, path: string, query: string): Promise<Reply> {
    const reply = Promise.withResolvers<Reply>()
    const isFile = path === FILE_PATH
    waiting.set(reply.resolve, parts.nowMs())
    if (isFile) waitingFiles += 1
    asked
      .then((ready) => ready.answer(path, query, parts.isWaiting()))
      .then(reply.resolve, (error) => reply.resolve({ failed: reasonOf(error) }))
    try {
      return await reply.promise
    } finally {
      waiting.delete(reply.resolve)
      if (isFile) waitingFiles -= 1
    }
  }

  function logFault(reason: string): void {
    const atMs = parts.nowMs()
    if (fault?.reason === reason && atMs - fault.atMs < FAULT_PAUSE_MS) return
    fault = { reason, atMs }
    parts.warn(`a question of the dashboard could not be answered: ${reason}`)
  }

  function stop(): void {
    isClosed = true
    for (const end of waiting.keys()) end({ failed: 'closing' })
  }

  return {
    async answer(path, query, sentTags): Promise<ReadAnswer> {
      const isFileTooMany = path === FILE_PATH && waitingFiles >= WAITING_FILES_MAX
      if (waiting.size >= WAITING_MAX || isFileTooMany) {
        return errorAnswer('too-busy', 'Too many questions are waiting. Ask again in a moment.')
      }
      const asked = running()
      const reply =
        asked === null ? { failed: failure?.reason ?? '' } : await ask(asked, path, query)
      if (isClosed) return CLOSING
      if ('fault' in reply && reply.fault !== undefined) logFault(reply.fault)
      return 'failed' in reply ? failedAnswer(reply.failed) : answerOf(reply, sentTags)
    },
    wake: () => void running(),
    problem() {
      if (failure !== null) {
        return `the dashboard cannot read the tables (${failure.reason}); ${STILL_COLLECTING}`
      }
      const [oldestMs = Number.POSITIVE_INFINITY] = waiting.values()
      if (parts.nowMs() - oldestMs <= ANSWER_MS_MAX) return null
      const seconds = ANSWER_MS_MAX / 1000
      const what = `a question of the dashboard has no answer after ${seconds} seconds`
      return `${what}; ${STILL_COLLECTING}`
    },
    stop,
    async close(): Promise<void> {
      stop()
      const last = thread
      thread = null
      await last?.then((ready) => ready.close()).catch(() => {})
    },
  }
}

const CLOSING = errorAnswer('closing', 'The server is being stopped. Ask again in a moment.')

type Reply = FiguresAnswer | Readonly<{ failed: string }>

function answerOf(reply: FiguresAnswer, sentTags: string | undefined): ReadAnswer {
  const { status, contentType, headers, body } = reply
  if (status === 200 && contentType.startsWith('application/json') && headers === undefined) {
    return jsonAnswer(body, sentTags)
  }
  return {
    status,
    headers: {
      ...BROWSER_HEADERS,
      'cache-control': 'no-store',
      ...headers,
      'content-type': contentType,
    },
    body,
  }
}

function failedAnswer(reason: string): ReadAnswer {
  return errorAnswer(
    'facts-failed',
    `The figures cannot be read at the moment: ${reason}. Events are taken in all the same; ` +
      'ask again in a few seconds.',
  )
}
