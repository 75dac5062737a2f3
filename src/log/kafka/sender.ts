/**
 * Sends batches to the brokers, idempotently, and resolves the appends that wait for them.
 *
 *   append ──► outboxes ──► one request in flight to each broker ──► acks=all ──► appends resolve
 *
 * While a request is in flight, the next batches gather. A batch whose outcome is unknown is sent
 * again, byte for byte, so that the broker recognises it by its producer id and sequence; an append
 * waits for WAIT_MS at most. A batch that is given up may still be in the topic: its append fails
 * with `unavailable`, the client sends the events again, and the job counts them once, by their
 * event_id. A new producer id is then used, because the sequence of the old one has a gap.
 */
import { initProducerIdV4 } from '@platformatic/kafka'
import { LogError } from '../error.ts'
import { type Cluster, logIdOf, requireSameTopic, requireTopic, type TopicView } from './cluster.ts'
import { explainKafka } from './error.ts'
import { Outboxes } from './outboxes.ts'
import type { OutgoingBatch, PendingAppend, Producer } from './outgoing-batch.ts'
import { type Produced, produce } from './produce.ts'

/** How long an append may wait for the broker. */
const WAIT_MS = 8_000
/**
 * After an outage of this length, appends are refused at once: their senders can keep them longer
 * than our memory.
 */
const OUTAGE_MS_MAX = 1_000
const BROKER_TIMEOUT_MS = 5_000
const REQUEST_BYTES_MAX = 8 * 1024 * 1024
const SWEEP_MS = 250
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000

const SUCCESS = 0
/** The broker has this batch already: its answer was lost. */
const DUPLICATE_SEQUENCE = 46
/**
 * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, UNKNOWN_PRODUCER_ID: the broker no longer
 * knows the producer.
 */
const PRODUCER_LOST: readonly number[] = [45, 47, 59]
/**
 * MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_REQUIRED_ACKS, TOPIC_ and
 * CLUSTER_AUTHORIZATION_FAILED, UNSUPPORTED_FOR_MESSAGE_FORMAT, INVALID_RECORD: the same batch is
 * refused again.
 */
const FINAL: readonly number[] = [10, 18, 21, 29, 31, 43, 87]

type SenderOptions = Readonly<{
  /** A clock that never steps back. */
  steadyMs: () => number
  /** Called when the partition has these records. */
  onAppended: (partition: number, endOffset: number, records: number, durationMs: number) => void
}>

export class Sender {
  readonly #cluster: Cluster
  readonly #options: SenderOptions
  readonly #logId: string
  readonly #outboxes = new Outboxes()
  readonly #busyNodes = new Set<number>()
  readonly #sweeper: NodeJS.Timeout
  #producer: Promise<Producer> | null = null
  #isWaking = false
  #recovering: Promise<void> | null = null
  /** Why nothing can be sent for now, and since when. */
  #outage: { error: LogError; sinceMs: number } | null = null
  #failure: LogError | null = null
  /** The broker has given a batch its sender's time: the job rejects it, so it is not accepted. */
  #unfit: LogError | null = null
  #isClosed = false

  constructor(cluster: Cluster, options: SenderOptions) {
    this.#cluster = cluster
    this.#options = options
    const view = cluster.view()
    this.#logId = logIdOf(view, requireTopic(view, cluster.place))
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  get waitingBytes(): number {
    return this.#outboxes.bytes
  }

  get outage(): LogError | null {
    return this.#outage?.error ?? null
  }

  /** Why nothing will be sent any more. */
  get failure(): LogError | null {
    return this.#failure
  }

  append(lines: Buffer, timestampMs: number): Promise<void> {
    const nowMs = this.#options.steadyMs()
    const refusal = this.#failure ?? this.#unfit
    if (refusal !== null) return Promise.reject(refusal)
    if (this.#outage !== null && nowMs - this.#outage.sinceMs > OUTAGE_MS_MAX) {
      return Promise.reject(this.#outage.error)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const append: PendingAppend = { batchesLeft: 0, resolve, reject }
    const partitions = this.#cluster.view().topic?.leaders.length ?? 1
    this.#outboxes.add(lines, append, { partitions, deadlineMs: nowMs + WAIT_MS, timestampMs })
    this.#wake()
    return promise
  }

  /**
   * Refreshes partitions and leaders. A recreated topic takes what is written to its name, so only
   * this check finds out.
   */
  async refreshTopic(): Promise<TopicView> {
    const view = await this.#cluster.refresh()
    try {
      return requireSameTopic(view, this.#cluster.place, this.#logId)
    } catch (error) {
      if (error instanceof LogError && error.code === 'topic-replaced') this.#fail(error)
      throw error
    }
  }

  /** To be called when nothing is wrong with the topic's settings, as far as can be seen. */
  topicFits(): void {
    this.#unfit = null
  }

  /** Sends what waits, for as long as an append may wait. */
  async close(): Promise<void> {
    while (!this.#outboxes.isEmpty && this.#failure === null) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    this.#isClosed = true
    clearInterval(this.#sweeper)
    await this.#recovering
  }

  /**
   * The rest of this turn of the event loop may bring more appends: they share the first request.
   */
  #wake(): void {
    if (this.#isWaking || this.#recovering !== null) return
    this.#isWaking = true
    setImmediate(() => {
      this.#isWaking = false
      const leaders = this.#cluster.view().topic?.leaders ?? []
      const nodes = new Set(this.#outboxes.partitions().map((one) => leaders[one] ?? -1))
      for (const node of nodes) if (!this.#busyNodes.has(node)) void this.#serve(node)
    })
  }

  /** One request after the other to this broker, until no batch waits for it. Never rejects. */
  async #serve(node: number): Promise<void> {
    this.#busyNodes.add(node)
    try {
      for (let batches = this.#due(node); batches.length > 0; batches = this.#due(node)) {
        if (this.#recovering !== null) return
        await this.#send(node, batches)
      }
    } catch (error) {
      this.#recover(error)
    } finally {
      this.#busyNodes.delete(node)
    }
  }

  #due(node: number): readonly OutgoingBatch[] {
    const leaders = this.#cluster.view().topic?.leaders ?? []
    const due: OutgoingBatch[] = []
    let bytes = 0
    for (const partition of this.#outboxes.partitions()) {
      if ((leaders[partition] ?? -1) !== node) continue
      if (bytes > REQUEST_BYTES_MAX) break
      const batch = this.#outboxes.first(partition)
      if (batch === null) continue
      bytes += batch.records.length
      due.push(batch)
    }
    return due
  }

  async #send(node: number, batches: readonly OutgoingBatch[]): Promise<void> {
    const startMs = this.#options.steadyMs()
    const connection = await this.#cluster.to(node)
    const producer = await this.#currentProducer(node)
    const encoded = batches.map((batch) => ({
      partition: batch.partition,
      batch: batch.encoded(producer),
    }))
    const { topic } = this.#cluster.place
    const answers = await produce(connection, topic, encoded, BROKER_TIMEOUT_MS)
    const durationMs = this.#options.steadyMs() - startMs
    const byPartition = new Map(answers.map((answer) => [answer.partition, answer]))
    let retry: Produced | null = null
    for (const batch of batches) {
      const answer = byPartition.get(batch.partition)
      if (answer === undefined || !this.#settle(batch, answer, durationMs)) retry = answer ?? retry
    }
    if (retry !== null) throw new Error(`the broker answers with error ${retry.errorCode}`)
    this.#outage = null
  }

  /** False when the batch is to be sent again. */
  #settle(batch: OutgoingBatch, answer: Produced, durationMs: number): boolean {
    const { errorCode } = answer
    if (errorCode === SUCCESS || errorCode === DUPLICATE_SEQUENCE) {
      this.#outboxes.remove(batch)
      if (errorCode === SUCCESS && answer.logAppendTimeMs < 0) {
        this.#unfit = this.#unfitError()
        batch.reject(this.#unfit)
        return true
      }
      batch.resolve()
      const { count } = batch.records
      this.#options.onAppended(batch.partition, answer.baseOffset + count, count, durationMs)
      return true
    }
    if (PRODUCER_LOST.includes(errorCode)) {
      batch.forgetEncoding()
      this.#producer = null
      return false
    }
    if (!FINAL.includes(errorCode)) return false
    const reason = answer.message === null ? '' : ` (${answer.message})`
    const { topic } = this.#cluster.place
    const what = `the topic ${topic} refuses a batch with error ${errorCode}${reason}`
    const todo = 'Compare the topic with the configuration: campaign-metrics setup --dry-run'
    this.#drop(batch, new LogError('denied', { what, todo, errorCode }))
    return true
  }

  #unfitError(): LogError {
    const { topic } = this.#cluster.place
    const what =
      `the topic ${topic} no longer has message.timestamp.type=LogAppendTime, without which a ` +
      'replay would decide otherwise than the first run'
    return new LogError('topic-unfit', { what, todo: 'Set it again.', topic })
  }

  #currentProducer(node: number): Promise<Producer> {
    if (this.#producer !== null) return this.#producer
    const opening = this.#newProducer(node)
    this.#producer = opening
    opening.catch(() => {
      if (this.#producer === opening) this.#producer = null
    })
    return opening
  }

  async #newProducer(node: number): Promise<Producer> {
    const connection = await this.#cluster.to(node)
    const { producerId, producerEpoch } = await initProducerIdV4.api.async(connection, null, 0)
    return { id: producerId, epoch: producerEpoch, sequences: new Map() }
  }

  /** Gives a batch up, which may still be in the topic. */
  #drop(batch: OutgoingBatch, error: LogError): void {
    this.#outboxes.remove(batch)
    if (batch.isEncoded) this.#producer = null
    batch.reject(error)
  }

  /** Refreshes metadata until a broker answers, then sends again. */
  #recover(cause: unknown): void {
    const { place } = this.#cluster
    const error = explainKafka(`events cannot be written to ${place.topic}`, place, cause)
    this.#outage = { error, sinceMs: this.#outage?.sinceMs ?? this.#options.steadyMs() }
    if (this.#recovering !== null) return
    this.#recovering = this.#untilBrokerAnswers().finally(() => {
      this.#recovering = null
      // Batches that wait will show whether the outage is over; when none does, the next append
      // will.
      if (this.#outboxes.isEmpty) this.#outage = null
      this.#wake()
    })
  }

  async #untilBrokerAnswers(): Promise<void> {
    for (let waitMs = RETRY_MS_MIN; !this.#isClosed; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      try {
        const { leaders } = await this.refreshTopic()
        const isLed = this.#outboxes.partitions().every((one) => (leaders[one] ?? -1) >= 0)
        if (isLed) return
      } catch (error) {
        if (this.#failure !== null) return
        const known = explainKafka('no broker answers', this.#cluster.place, error)
        if (this.#outage !== null) this.#outage = { ...this.#outage, error: known }
      }
    }
  }

  #fail(error: LogError): void {
    this.#failure = error
    for (const batch of this.#outboxes.all()) this.#drop(batch, error)
  }

  #sweep(): void {
    const nowMs = this.#options.steadyMs()
    for (const batch of this.#outboxes.all()) {
      if (batch.deadlineMs > nowMs) continue
      const { place } = this.#cluster
      const what = this.outage ?? explainKafka('no answer in time', place, new Error('no answer'))
      this.#drop(batch, what)
    }
  }
}
