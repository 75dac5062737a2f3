/**
 * Keeps the partitions' queues filled: one request in flight to each broker, for those of its
 * partitions whose queue has room. A broker that is away is asked again and again; what is in the
 * queues can be read meanwhile.
 */
import { LogError } from '../error.ts'
import type { EventReaderOptions } from '../event-log.ts'
import { type Cluster, requireSameTopic } from './cluster.ts'
import { explainKafka } from './error.ts'
import { type Fetched, fetchBatches } from './fetch.ts'
import type { Merge } from './merge.ts'
import { listExtents, partitionsByLeader } from './offsets.ts'
import { PartitionQueue } from './partition-queue.ts'

/** Past so many compressed bytes in a queue, no more is fetched for it. */
const QUEUE_BYTES_MAX = 2 * 1024 * 1024
const LIMITS = { waitMs: 250, bytesMax: 16 * 1024 * 1024, partitionBytesMax: 2 * 1024 * 1024 }
/** How often metadata is refreshed while nothing fails. */
const REFRESH_MS = 10_000
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000
/** A shorter failure, such as the change to a new leader, is not reported. */
const REPORT_AFTER_MS = 3_000

const OFFSET_OUT_OF_RANGE = 1
/** TOPIC_AUTHORIZATION_FAILED */
const DENIED = 29

type FetcherOptions = Pick<EventReaderOptions, 'steadyMs' | 'onStalled'>

export class Fetcher {
  readonly #cluster: Cluster
  readonly #merge: Merge
  readonly #logId: string
  readonly #options: FetcherOptions
  /** Something was fetched, or it has failed. */
  readonly arrived: Signal = new Signal()
  readonly #room = new Signal()
  readonly #over = new Signal()
  readonly #loops = new Map<number, Promise<void>>()
  readonly #refreshing: Promise<void>
  /** By broker: since when its fetches fail. */
  readonly #failingSinceMs = new Map<number, number>()
  #isStalled = false
  #failure: LogError | null = null
  #isClosed = false

  constructor(cluster: Cluster, merge: Merge, logId: string, options: FetcherOptions) {
    this.#cluster = cluster
    this.#merge = merge
    this.#logId = logId
    this.#options = options
    this.#startLoops()
    this.#refreshing = this.#refreshRegularly()
  }

  /** What stopped it for good: topic replaced, offsets gone, damage. */
  get failure(): LogError | null {
    return this.#failure
  }

  /** To be called when something was taken from a queue. */
  taken(): void {
    this.#room.fire()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#end()
    await Promise.all([this.#refreshing, ...this.#loops.values()])
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#failure !== null
  }

  /** A queue for each partition, a loop for each broker that leads some. */
  #startLoops(): void {
    const leaders = this.#cluster.view().topic?.leaders ?? []
    for (let next = this.#merge.queues.length; next < leaders.length; next += 1) {
      this.#merge.add(new PartitionQueue(this.#cluster.place.topic, next, 0, 0))
    }
    for (const node of new Set(leaders)) {
      if (this.#isOver || this.#loops.has(node)) continue
      const loop = this.#serve(node).finally(() => this.#loops.delete(node))
      this.#loops.set(node, loop)
    }
  }

  /** Ends when the broker leads no partition any more. Never rejects. */
  async #serve(node: number): Promise<void> {
    let retryMs = RETRY_MS_MIN
    while (!this.#isOver) {
      const led = partitionsByLeader(this.#cluster.view().topic?.leaders ?? []).get(node) ?? []
      if (led.length === 0) break
      const withRoom = led.filter((one) => (this.#merge.queues[one]?.bytes ?? 0) < QUEUE_BYTES_MAX)
      if (withRoom.length === 0) {
        await this.#room.wait(REFRESH_MS)
        continue
      }
      try {
        await this.#fetch(node, withRoom)
        retryMs = RETRY_MS_MIN
        this.#recovered(node)
      } catch (error) {
        if (this.#isOver) break
        this.#noteFailure(node, error)
        await this.#over.wait(retryMs)
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
        await this.#refreshMetadata()
      }
    }
    this.#recovered(node)
  }

  async #fetch(node: number, partitions: readonly number[]): Promise<void> {
    const connection = await this.#cluster.to(node)
    const { id } = requireSameTopic(this.#cluster.view(), this.#cluster.place, this.#logId)
    const wanted = partitions.map((partition) => ({
      partition,
      offset: this.#merge.queues[partition]?.fetchOffset ?? 0,
    }))
    const answer = await fetchBatches(connection, id, wanted, LIMITS)
    if (answer.errorCode !== 0) throw new Error(`a fetch fails with error ${answer.errorCode}`)
    let errorCode = 0
    for (const fetched of answer.partitions) {
      if (fetched.errorCode === 0) this.#merge.queues[fetched.partition]?.put(fetched)
      else errorCode = await this.#refused(fetched)
    }
    this.arrived.fire()
    if (errorCode !== 0) throw new Error(`a partition cannot be read, error ${errorCode}`)
  }

  /** Throws what ends reading; else returns the code, which leads to another try. */
  async #refused({ partition, errorCode }: Fetched): Promise<number> {
    const { place } = this.#cluster
    const { topic } = place
    if (errorCode === DENIED) {
      const what = `this user may not read ${topic}`
      throw new LogError('denied', { what, todo: 'Give it the right to READ it.', topic })
    }
    if (errorCode !== OFFSET_OUT_OF_RANGE) return errorCode
    // Offsets are listed by the topic's name: those of a recreated topic would look like a lost
    // end.
    requireSameTopic(await this.#cluster.refresh(), place, this.#logId)
    const offset = this.#merge.queues[partition]?.fetchOffset ?? 0
    const extent = (await listExtents(this.#cluster))[partition]
    if (extent === undefined) return errorCode
    const { start, end } = extent
    if (offset < start) throw new LogError('trimmed', { topic, partition, offset, start })
    if (offset > end) throw new LogError('beyond-end', { topic, partition, offset, end })
    return errorCode
  }

  async #refreshRegularly(): Promise<void> {
    while (!this.#isOver) {
      await this.#over.wait(REFRESH_MS)
      if (!this.#isOver) await this.#refreshMetadata()
    }
  }

  /** Finds new leaders and partitions; what fails now is asked again later. Never rejects. */
  async #refreshMetadata(): Promise<void> {
    try {
      requireSameTopic(await this.#cluster.refresh(), this.#cluster.place, this.#logId)
      this.#startLoops()
    } catch (error) {
      const known = explainKafka('no broker answers', this.#cluster.place, error)
      if (isFinal(known)) this.#fail(known)
    }
  }

  #noteFailure(node: number, cause: unknown): void {
    const { place } = this.#cluster
    const error = explainKafka(`events cannot be read from ${place.topic}`, place, cause)
    if (isFinal(error)) {
      this.#fail(error)
      return
    }
    const nowMs = this.#options.steadyMs()
    const sinceMs = this.#failingSinceMs.get(node) ?? nowMs
    this.#failingSinceMs.set(node, sinceMs)
    if (nowMs - sinceMs < REPORT_AFTER_MS) return
    this.#isStalled = true
    this.#options.onStalled(error.message)
  }

  #recovered(node: number): void {
    this.#failingSinceMs.delete(node)
    if (!this.#isStalled || this.#failingSinceMs.size > 0) return
    this.#isStalled = false
    this.#options.onStalled(null)
  }

  #fail(error: LogError): void {
    this.#failure ??= error
    this.#end()
  }

  #end(): void {
    for (const signal of [this.#over, this.#room, this.arrived]) signal.fire()
  }
}

/** A topic may come back, and a user may be let in again, as while brokers start. */
function isFinal({ canRetry, code }: LogError): boolean {
  return !canRetry && code !== 'topic-missing' && code !== 'denied'
}

/** Wakes those that wait for an event. */
class Signal {
  readonly #wakes = new Set<() => void>()

  fire(): void {
    for (const wake of [...this.#wakes]) wake()
  }

  /** Resolves when it is fired, or after `waitMs`. The timer keeps the thread alive. */
  wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakes.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      this.#wakes.add(wake)
    })
  }
}
