/**
 * `GET /api/v1/stream`: server-sent events (WHATWG HTML, 9.2), a message for each change, to every
 * viewer at its own pace.
 *
 *     retry: 1000                  first message only
 *     event: live
 *     id: EPOCH-REVISION           where to resume: EPOCH identifies this process
 *     data: {…}                    LiveMessage of wire.ts
 *
 * A viewer is a cursor: the revision it was sent last. A message is made when its socket has taken
 * the one before, and contains everything since. So nothing is buffered for a slow viewer, and it
 * never gets outdated figures.
 */
import { Readable } from 'node:stream'
import type { LiveState } from './live-state.ts'

export type LiveStream = {
  /** null if there are too many viewers. `lastId` is what a returning viewer has seen. */
  connect(lastId: string | undefined): Readable | null
  /** Something has changed: viewers get a message soon. */
  move(): void
  viewers(): number
  /** Ends every stream. */
  close(): void
}

export type LiveStreamParts = Readonly<{
  state: LiveState
  /** A number that identifies this process: no other has the same. */
  epoch: number
  /** A steady clock. */
  nowMs: () => number
  /** Called a few times a second while somebody watches. */
  onWatched: () => void
}>

type Viewer = {
  readonly stream: Readable
  revision: number
  sentMs: number
  isReady: boolean
}

const VIEWERS_MAX = 200
const TICK_MS = 250
/** The least time between two messages to a viewer. */
const PAUSE_MS = 200
/** Without changes a message is sent after this: with a late tick, within two seconds. */
const SILENCE_MS = 1500
const RETRY_MS = 1000
const RADIX = 36

export function openLiveStream({ state, epoch, nowMs, onWatched }: LiveStreamParts): LiveStream {
  const viewers = new Set<Viewer>()
  const epochText = epoch.toString(RADIX)
  let ticking: NodeJS.Timeout | null = null
  let isClosed = false

  function connect(lastId: string | undefined): Readable | null {
    if (isClosed || viewers.size >= VIEWERS_MAX) return null
    // No buffer of its own: a message goes to the socket, or is not made.
    const stream = new Readable({ highWaterMark: 0, read, destroy })
    const viewer: Viewer = {
      stream,
      revision: seenRevision(lastId),
      sentMs: Number.NEGATIVE_INFINITY,
      isReady: false,
    }
    function read(): void {
      viewer.isReady = true
      if (viewer.sentMs === Number.NEGATIVE_INFINITY) send(viewer, state.look(), new Map())
    }
    function destroy(error: Error | null, done: (error: Error | null) => void): void {
      viewers.delete(viewer)
      if (viewers.size === 0) stopTicking()
      done(error)
    }
    viewers.add(viewer)
    ticking ??= setInterval(tick, TICK_MS)
    return stream
  }

  /** 0, which means everything, unless this process sent the id. */
  function seenRevision(lastId: string | undefined): number {
    const [, sent, seen] = /^(\w{1,16})-(\d{1,15})$/.exec(lastId ?? '') ?? []
    const revision = Number(seen)
    return sent === epochText && revision <= state.look() ? revision : 0
  }

  function tick(): void {
    onWatched()
    sendAll()
  }

  function sendAll(): void {
    const revision = state.look()
    const now = nowMs()
    // Most viewers have seen the same revision: the text is made once for all of them.
    const texts = new Map<number, string>()
    for (const viewer of viewers) {
      const elapsedMs = now - viewer.sentMs
      const isDue = viewer.revision < revision ? elapsedMs >= PAUSE_MS : elapsedMs >= SILENCE_MS
      if (viewer.isReady && isDue) send(viewer, revision, texts)
    }
  }

  function send(viewer: Viewer, revision: number, texts: Map<number, string>): void {
    const text = texts.get(viewer.revision) ?? messageText(viewer.revision, revision)
    texts.set(viewer.revision, text)
    const opening = viewer.sentMs === Number.NEGATIVE_INFINITY ? `retry: ${RETRY_MS}\n` : ''
    viewer.revision = revision
    viewer.sentMs = nowMs()
    viewer.isReady = false
    viewer.stream.push(opening + text)
  }

  function messageText(since: number, revision: number): string {
    const message = JSON.stringify(state.message(since))
    return `event: live\nid: ${epochText}-${revision}\ndata: ${message}\n\n`
  }

  function stopTicking(): void {
    if (ticking !== null) clearInterval(ticking)
    ticking = null
  }

  return {
    connect,
    move: sendAll,
    viewers: () => viewers.size,
    close(): void {
      isClosed = true
      stopTicking()
      for (const { stream } of viewers) stream.push(null)
    },
  }
}
