/**
 * Figures in this thread, for what stands around them: they answer what they are told, tell what
 * they are told, and fail.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { FiguresAnswer } from '../../../src/dashboard/answers/answer.ts'
import type {
  FiguresThread,
  FiguresThreadEvents,
} from '../../../src/dashboard/figures/figures-thread.ts'
import type { LiveUpdate } from '../../../src/dashboard/live/live-updates.ts'
import type { StartFiguresThread } from '../../../src/dashboard/open.ts'

export type FakeFigures = {
  readonly start: StartFiguresThread
  /** Every thread that was started, the newest last. */
  readonly threads: FakeThread[]
  /** For the next threads: why they do not start. */
  startFault: Error | null
  answer: (path: string, query: string, waiting: boolean) => FiguresAnswer | Promise<FiguresAnswer>
  tell(live: Partial<LiveUpdate>): void
  tellNames(problem: string | null): void
  fail(error: Error): void
}

type FakeThread = {
  readonly events: FiguresThreadEvents
  readonly port: MessagePort
  isClosed: boolean
}

export function createFakeFigures(): FakeFigures {
  const threads: FakeThread[] = []
  const newest = (): FakeThread => {
    const thread = threads.at(-1)
    if (thread === undefined) throw new Error('no thread was started')
    return thread
  }
  const fake: FakeFigures = {
    threads,
    startFault: null,
    answer: (path) => ({
      status: 200,
      contentType: 'application/json',
      body: `{"path":"${path}"}`,
    }),
    tell: (live) =>
      newest().events.onLive({ version: '1', seconds: [], newest: null, arrivedUs: null, ...live }),
    tellNames: (problem) => newest().events.onNames(problem),
    fail: (error) => newest().events.onFailed(error),
    async start(_settings, events): Promise<FiguresThread> {
      if (fake.startFault !== null) throw fake.startFault
      const { port1, port2 } = new MessageChannel()
      const thread = { events, port: port1, isClosed: false }
      threads.push(thread)
      return {
        port: port1,
        answer: async (path, query, waiting) => await fake.answer(path, query, waiting),
        async close() {
          thread.isClosed = true
          port1.close()
          port2.close()
        },
      }
    },
  }
  return fake
}
