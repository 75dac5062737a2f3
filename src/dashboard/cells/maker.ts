/** The thread that makes cells, as the thread of the figures sees it. */
import { Worker } from 'node:worker_threads'
import type { SumsOptions } from '../../query.ts'
import type { CellsTask, MakeCells } from './make-cells.ts'

export type ToMaker = Readonly<{ id: number; task: CellsTask }>
export type FromMaker = Readonly<{ id: number } & ({ bytes: number | null } | { failure: string })>

export type CellMaker = Readonly<{
  make: MakeCells
  /** Breaks off what is being made: its promise is rejected. */
  close(): Promise<void>
}>

type Settings = Pick<SumsOptions, 'warehouse' | 'cache'>

/** The thread is started with the first file to make, and again after it has failed. */
export function openCellMaker({ warehouse, cache }: Settings): CellMaker {
  const waiting = new Map<number, PromiseWithResolvers<number | null>>()
  let worker: Worker | null = null
  let lastId = 0

  function start(): Worker {
    const started = new Worker(workerLocation(), { workerData: { warehouse, cache } })
    started.on('message', (message: FromMaker) => {
      const answer = waiting.get(message.id)
      waiting.delete(message.id)
      if ('failure' in message) answer?.reject(new Error(message.failure))
      else answer?.resolve(message.bytes)
    })
    started.on('error', (error) => end(error as Error))
    started.on('exit', () => end(new Error('the thread that makes cells has ended')))
    return started
  }

  function end(error: Error): void {
    worker = null
    for (const answer of waiting.values()) answer.reject(error)
    waiting.clear()
  }

  return {
    make(task) {
      worker ??= start()
      const id = ++lastId
      const answer = Promise.withResolvers<number | null>()
      waiting.set(id, answer)
      worker.postMessage({ id, task } satisfies ToMaker)
      return answer.promise
    },
    async close() {
      await worker?.terminate()
    },
  }
}

/** Sources run as .ts, the published package as .js. */
function workerLocation(): URL {
  const name = import.meta.url.endsWith('.ts') ? './maker-worker.ts' : './maker-worker.js'
  return new URL(name, import.meta.url)
}
