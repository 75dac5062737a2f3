/**
 * Group commit: while one group is written and synced, the next gathers. One write in flight, ever;
 * the next begins when the last one is on disk, and recovery (tail.ts) rests on that.
 *
 *   append ─► gathering ─► queue ─► write ─► fdatasync ─► end is published ─► appends are answered
 *
 * After a write or a sync that failed, nothing is written and nothing answered any more: what is on
 * disk is unknown, and a second sync would report success for bytes that the system has dropped
 * (F6).
 */
import assert from 'node:assert/strict'
import { reasonOf, systemCode } from '../runtime.ts'
import type { Cursor } from './cursor.ts'
import { isFull, LogError } from './error.ts'
import type { CommitCounts } from './event-log.ts'
import { type LogFiles, type LogStep, writeFully } from './files.ts'
import { FRAME_HEADER_BYTES, frameSizeBytes, sealBytes } from './frame.ts'
import { GROUP_MEMORY_BYTES, Group, type Lines, piecesOf } from './group.ts'
import { SEGMENT_HEADER_BYTES } from './segment.ts'
import type { Segments } from './segments.ts'

const MEMORIES_KEPT_MAX = 4
const LINE_FEED = 0x0a

type GroupCommitOptions = Readonly<{
  logId: string
  segmentBytes: number
  groupBytesMax: number
  waitingBytesMax: number
  files: LogFiles
  nowUs: () => number
  onStep: (step: LogStep) => void
  /**
   * Why what is written now would not be found again, or why nothing may be written any more; null
   * when all is well.
   */
  misplaced: () => LogError | null
}>

/** Where the next frame goes. */
export type WritePosition = Readonly<{
  position: number
  endOffset: number
  arrivalUs: number
  sealed: boolean
}>

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #segments: Segments
  readonly #cursor: Cursor
  readonly #queue: Group[] = []
  readonly #memories: Buffer[] = []
  #at: WritePosition
  #waitingBytes = 0
  #counts: CommitCounts = { appends: 0, groups: 0, lines: 0, bytes: 0, commitUs: 0 }
  #running: Promise<void> | null = null
  #failure: LogError | null = null
  #closed = false

  constructor(options: GroupCommitOptions, segments: Segments, cursor: Cursor, at: WritePosition) {
    this.#options = options
    this.#segments = segments
    this.#cursor = cursor
    this.#at = at
    cursor.set('tailPosition', at.position)
    cursor.publishEnd(at.endOffset)
  }

  get counts(): CommitCounts {
    return this.#counts
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Why the log has failed for good; null while it works. */
  get failure(): LogError | null {
    return this.#failure
  }

  append(lines: Lines, count: number, arrivalUs: number): Promise<number> {
    const pieces = piecesOf(lines)
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    assert(
      count > 0 && pieces.at(-1)?.at(-1) === LINE_FEED,
      'an append holds lines, each ended by LF',
    )
    const refusal = this.#refusal(bytes)
    if (refusal !== null) return Promise.reject(refusal)
    let group = this.#queue.at(-1)
    if (group === undefined || !group.takes(bytes, pieces.length, this.#options.groupBytesMax)) {
      group = new Group(this.#memories.pop() ?? Buffer.allocUnsafeSlow(GROUP_MEMORY_BYTES))
      this.#queue.push(group)
    }
    this.#waitingBytes += bytes
    const answer = group.add(pieces, count, arrivalUs)
    this.#running ??= this.#run()
    return answer
  }

  /**
   * Nothing is written after this, and every append to come is refused with the failure. Returns
   * it.
   */
  fail(what: string, cause: unknown): LogError {
    const facts = { what, reason: reasonOf(cause), end: this.#at.endOffset }
    this.#failure ??= new LogError('io', facts, cause)
    return this.#failure
  }

  /** Commits what waits, and seals the log. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== null) await this.#running
    if (this.#failure !== null || this.#at.sealed) return
    // Another process may be writing there.
    if (this.#options.misplaced()?.code === 'lock-lost') return
    const { active } = this.#segments
    const { position, endOffset, arrivalUs } = this.#at
    const seal = sealBytes(active.header.mark, endOffset, arrivalUs)
    await writeFully(this.#options.files, active.file, [seal], position)
    await this.#options.files.sync(active.file)
    this.#at = { ...this.#at, position: position + seal.length, sealed: true }
    this.#options.onStep('tail-sealed')
  }

  #refusal(bytes: number): LogError | null {
    const { segmentBytes, waitingBytesMax } = this.#options
    if (this.#failure !== null) return this.#failure
    if (this.#closed) return new LogError('closed', {})
    // A segment may begin with a seal, and keeps room for one at its end.
    const needBytes = SEGMENT_HEADER_BYTES + frameSizeBytes(bytes) + 2 * FRAME_HEADER_BYTES
    if (needBytes > segmentBytes) return new LogError('too-large', { bytes, segmentBytes })
    this.#segments.checkRoom('when due')
    if (this.#segments.full !== null) return this.#segments.full
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > waitingBytesMax) {
      return new LogError('busy', { waitingBytes: this.#waitingBytes, waitingBytesMax })
    }
    return null
  }

  async #run(): Promise<void> {
    // The rest of this turn of the event loop may bring more appends: they share the first sync.
    await new Promise((resolve) => setImmediate(resolve))
    for (let group = this.#queue.shift(); group !== undefined; group = this.#queue.shift()) {
      const outcome = await this.#tryCommit(group)
      this.#waitingBytes -= group.bytes
      if (this.#memories.length < MEMORIES_KEPT_MAX) this.#memories.push(group.memory)
      if (outcome instanceof LogError) {
        group.reject(outcome)
        continue
      }
      group.resolve(outcome)
      this.#options.onStep('frame-answered')
    }
    this.#running = null
  }

  /** The group's first offset; or why it is not committed. */
  async #tryCommit(group: Group): Promise<number | LogError> {
    try {
      return this.#failure ?? (await this.#commit(group))
    } catch (error) {
      if (isFull(error)) return error
      // The next segment cannot be created without the folder; an open file never fails with
      // ENOENT.
      const fault = systemCode(error) === 'ENOENT' ? this.#options.misplaced() : null
      return fault ?? this.fail('writing a group', error)
    }
  }

  async #commit(group: Group): Promise<number | LogError> {
    const { files, misplaced, nowUs, onStep } = this.#options
    const startUs = nowUs()
    const fault = misplaced()
    if (fault !== null) return fault
    await this.#makeRoom(group.frameBytes)
    const { active } = this.#segments
    const { endOffset: firstOffset, position } = this.#at
    await writeFully(files, active.file, group.toFrame(active.header.mark, firstOffset), position)
    onStep('frame-written')
    await files.sync(active.file)
    onStep('frame-synced')
    this.#at = {
      position: position + group.frameBytes,
      endOffset: firstOffset + group.count,
      arrivalUs: group.arrivalUs,
      sealed: false,
    }
    this.#count(group, Math.max(0, nowUs() - startUs))
    this.#cursor.set('tailPosition', this.#at.position)
    this.#cursor.publishEnd(this.#at.endOffset)
    // The frame is in the log; but its senders may be answered only if the log will be found again.
    return misplaced() ?? firstOffset
  }

  /** Goes to the next segment when this one cannot hold the frame and a seal after it. */
  async #makeRoom(frameBytes: number): Promise<void> {
    const { fileBytes } = this.#segments.active
    const { arrivalUs, endOffset, position } = this.#at
    if (position + frameBytes + FRAME_HEADER_BYTES <= fileBytes) return
    await this.#segments.roll(this.#options.logId, endOffset, arrivalUs)
    this.#at = { position: SEGMENT_HEADER_BYTES, endOffset, arrivalUs, sealed: false }
  }

  #count(group: Group, commitUs: number): void {
    const before = this.#counts
    this.#counts = {
      appends: before.appends + group.appends,
      groups: before.groups + 1,
      lines: before.lines + group.count,
      bytes: before.bytes + group.bytes,
      commitUs: before.commitUs + commitUs,
    }
  }
}
