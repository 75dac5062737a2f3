/** Facts in this thread, for what stands around them: they answer what they are told, tell what they are told, and fail. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type {
  Facts,
  FactsAnswer,
  FactsEvents,
  LiveFacts,
} from '../../../src/dashboard/facts/facts.ts'
import type { StartFacts } from '../../../src/dashboard/open.ts'

export type FakeFacts = {
  readonly start: StartFacts
  /** Every thread that was started, the newest last. */
  readonly threads: FakeThread[]
  /** For the next threads: why they do not start. */
  startFault: Error | null
  answer: (path: string, query: string, waiting: boolean) => FactsAnswer | Promise<FactsAnswer>
  tell(live: Partial<LiveFacts>): void
  fail(error: Error): void
}

type FakeThread = { readonly events: FactsEvents; readonly port: MessagePort; isClosed: boolean }

export function createFakeFacts(): FakeFacts {
  const threads: FakeThread[] = []
  const newest = (): FakeThread => {
    const thread = threads.at(-1)
    if (thread === undefined) throw new Error('no thread was started')
    return thread
  }
  const fake: FakeFacts = {
    threads,
    startFault: null,
    answer: (path) => ({
      status: 200,
      contentType: 'application/json',
      body: `{"path":"${path}"}`,
    }),
    tell: (live) =>
      newest().events.onLive({ version: '1', seconds: [], newest: null, arrivedUs: null, ...live }),
    fail: (error) => newest().events.onFailed(error),
    async start(_settings, events): Promise<Facts> {
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
