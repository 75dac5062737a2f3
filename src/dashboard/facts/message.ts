/** What the main thread and the facts thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { SumsOptions } from '../../query.ts'
import type { LiveFacts } from './live.ts'

/** Plain values, since they cross to another thread. */
export type FactsSettings = Readonly<{
  /** Where the files of both tables are, and copies of them. */
  warehouse: SumsOptions['warehouse']
  cache: SumsOptions['cache']
  windowUs: number
}>

export type FactsAnswer = Readonly<{
  status: number
  contentType: string
  headers?: Readonly<Record<string, string>>
  body: Uint8Array | string
  /** What went wrong where the server is to blame: whoever runs it is told. */
  fault?: string
}>

/** Given to the thread when it starts; `feed` is the end of the channel at which the job is heard. */
export type FactsWorkerData = Readonly<{ settings: FactsSettings; feed: MessagePort }>

export type ToFacts =
  | Readonly<{ kind: 'question'; id: number; path: string; query: string; waiting: boolean }>
  | Readonly<{ kind: 'close' }>

export type FromFacts =
  | Readonly<{ kind: 'started' }>
  | Readonly<{ kind: 'answer'; id: number; answer: FactsAnswer }>
  | Readonly<{ kind: 'live'; live: LiveFacts }>
  | Readonly<{ kind: 'failed'; message: string; stack: string }>
  | Readonly<{ kind: 'closed' }>
