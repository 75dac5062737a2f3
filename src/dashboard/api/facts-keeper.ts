/**
 * Keeps a facts thread running, so that one that fails takes nothing else down: events are taken in all the same, the
 * API says what is wrong, and whoever asks after a pause starts a new one.
 *
 *     starting ──► running ──► failed ──(asked again after a pause)──► starting
 *
 * The pause doubles as long as threads fail soon after they were started, so that a fault that stays is tried, and said,
 * once a minute.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ReadAnswer } from '../../collect.ts'
import type { Facts, FactsEvents, LiveFacts } from '../facts/facts.ts'
import { BROWSER_HEADERS, errorAnswer, jsonAnswer } from './answer.ts'

export type FactsKeeper = {
  /** What the facts answer, or why they do not; never rejects. */
  answer(path: string, query: string, sentTags: string | undefined): Promise<ReadAnswer>
  /** Somebody watches: a thread that failed is started again when it is time. */
  wake(): void
  /** One sentence while there is no thread to ask, or one that does not answer; else null. */
  problem(): string | null
  /** Whoever waits for an answer is told at once that there will be none: nobody is to wait for a long one at the end. */
  stop(): void
  close(): Promise<void>
}

export type FactsKeeperParts = Readonly<{
  start: (events: FactsEvents) => Promise<Facts>
  /** Lets the job tell this port what the tables gain. */
  feed: (port: MessagePort) => void
  /** Accepted events wait that are not in the tables: only this thread knows the log's end. */
  isWaiting: () => boolean
  /** Versions told by different threads differ. */
  onLive: (live: LiveFacts) => void
  /** A steady clock. */
  nowMs: () => number
  warn: (text: string) => void
}>

const PAUSE_MS = 5000
const PAUSE_MAX_MS = 60_000
/** A thread that ran for so long has not failed by what made the one before it fail. */
const STEADY_MS = 60_000
/** The same fault is said again after this: a page asks every second. */
const FAULT_PAUSE_MS = 60_000
/** Past this a thread has lost its way, or far too much was asked. */
const ANSWER_MS_MAX = 30_000
/** Requests that wait for the thread; a page asks for five at a time. */
const WAITING_MAX = 256
/** Of these, files of all campaigns: each takes the thread for a second, and figures of the page wait behind it. */
const WAITING_FILES_MAX = 4
const FILE_PATH = 'campaigns.csv'

export function openFactsKeeper(parts: FactsKeeperParts): FactsKeeper {
  let thread: Promise<Facts> | null = null
  let threads = 0
  let startedMs = 0
  let pauseMs = 0
  let failure: Readonly<{ reason: string; atMs: number }> | null = null
  /** Of an answer, said last. */
  let fault: Readonly<{ reason: string; atMs: number }> | null = null
  /** Questions under way, the oldest first: the way to end each, and when it was asked. */
  const waiting = new Map<(reply: FactsReply) => void, number>()
  let waitingFiles = 0
  let isClosed = false

  /** Null while one that failed rests. */
  function awake(): Promise<Facts> | null {
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
      onFailed: (error) => fail(starting, error),
    })
    thread = starting
    starting.then(
      (facts) => {
        if (thread !== starting) return
        failure = null
        parts.feed(facts.port)
      },
      (error) => fail(starting, error),
    )
    return starting
  }

  function fail(failed: Promise<Facts>, error: unknown): void {
    if (thread !== failed || isClosed) return
    thread = null
    failure = { reason: reasonOf(error), atMs: parts.nowMs() }
    const isFirst = pauseMs === 0 || failure.atMs - startedMs > STEADY_MS
    pauseMs = isFirst ? PAUSE_MS : Math.min(PAUSE_MAX_MS, pauseMs * 2)
    parts.warn(
      `the dashboard cannot read the tables: ${failure.reason}; events are taken in all the same`,
    )
    failed.then((facts) => facts.close()).catch(() => {})
  }

  async function ask(facts: Promise<Facts>, path: string, query: string): Promise<FactsReply> {
    const reply = Promise.withResolvers<FactsReply>()
    const isFile = path === FILE_PATH
    waiting.set(reply.resolve, parts.nowMs())
    if (isFile) waitingFiles += 1
    facts
      .then((ready) => ready.answer(path, query, parts.isWaiting()))
      .then(reply.resolve, (error) => reply.resolve({ failed: reasonOf(error) }))
    try {
      return await reply.promise
    } finally {
      waiting.delete(reply.resolve)
      if (isFile) waitingFiles -= 1
    }
  }

  function sayFault(reason: string): void {
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
      const facts = awake()
      const reply =
        facts === null ? { failed: failure?.reason ?? '' } : await ask(facts, path, query)
      if (isClosed) return CLOSING
      if ('fault' in reply && reply.fault !== undefined) sayFault(reply.fault)
      return 'failed' in reply ? failedAnswer(reply.failed) : answerOf(reply, sentTags)
    },
    wake: () => void awake(),
    problem() {
      if (failure !== null) {
        return `the dashboard cannot read the tables (${failure.reason}); events are taken in all the same`
      }
      const [oldestMs = Number.POSITIVE_INFINITY] = waiting.values()
      if (parts.nowMs() - oldestMs <= ANSWER_MS_MAX) return null
      return `a question of the dashboard has no answer after ${ANSWER_MS_MAX / 1000} seconds; events are taken in all the same`
    },
    stop,
    async close(): Promise<void> {
      stop()
      const last = thread
      thread = null
      await last?.then((facts) => facts.close()).catch(() => {})
    },
  }
}

const CLOSING = errorAnswer('closing', 'The server is being stopped. Ask again in a moment.')

type FactsReply = Awaited<ReturnType<Facts['answer']>> | Readonly<{ failed: string }>

function answerOf(
  reply: Exclude<FactsReply, { failed: string }>,
  sentTags: string | undefined,
): ReadAnswer {
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
    `The figures cannot be read at the moment: ${reason}. Events are taken in all the same; ask again in a few seconds.`,
  )
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
