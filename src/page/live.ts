/** Keeps the server's event stream open: `live-state.ts` decides, this opens and closes it. */
import type { LiveMessage } from '../dashboard-definition.ts'
import {
  type Connection,
  connecting,
  connectionOf,
  type LiveEvent,
  type LiveState,
  nextLiveState,
} from './live-state.ts'

type Live = Readonly<{
  /** To be called a few times a second. */
  tick: () => void
  connection: () => Connection
  close: () => void
}>

type LiveOptions = Readonly<{
  url: string
  nowMs: () => number
  onMessage: (message: LiveMessage) => void
  /** Whenever it changes. */
  onConnection: (connection: Connection) => void
  /** The server answered with an error; an EventSource does not tell which. */
  onRefused: () => void
}>

export function openLive(options: LiveOptions): Live {
  const isHidden = document.visibilityState === 'hidden'
  let state: LiveState = isHidden ? { name: 'asleep' } : connecting(0, options.nowMs())
  let source: EventSource | null = null

  const step = (event: LiveEvent): void => {
    const before = state
    state = nextLiveState(before, event, options.nowMs())
    if (state.name === before.name) return
    if (state.name === 'connecting') open()
    if (state.name === 'waiting' || state.name === 'asleep' || state.name === 'closed') shut()
    const connection = connectionOf(state)
    if (connection !== connectionOf(before)) options.onConnection(connection)
  }

  const open = (): void => {
    shut()
    const opened = new EventSource(options.url)
    source = opened
    opened.addEventListener('live', (event: MessageEvent<string>) => {
      if (source !== opened) return
      step('message')
      options.onMessage(JSON.parse(event.data) as LiveMessage)
    })
    opened.addEventListener('error', () => {
      if (source !== opened) return
      const isRefused = opened.readyState === EventSource.CLOSED
      step(isRefused ? 'refused' : 'interrupted')
      if (isRefused) options.onRefused()
    })
  }

  const shut = (): void => {
    source?.close()
    source = null
  }

  const look = (): void => step(document.visibilityState === 'hidden' ? 'hide' : 'wake')
  window.addEventListener('online', look)
  document.addEventListener('visibilitychange', look)
  if (!isHidden) open()

  return {
    tick: () => step('tick'),
    connection: () => connectionOf(state),
    close: () => {
      window.removeEventListener('online', look)
      document.removeEventListener('visibilitychange', look)
      step('close')
    },
  }
}

type ServerClock = Readonly<{
  nowMs: () => number
  /** A message from the server's time `nowMs` has just arrived. */
  sync: (nowMs: number) => void
}>

/** A larger difference is no network delay: a clock was set. */
const JUMP_MS = 2000

/** The server's time, from its messages: the reader's clock may be minutes off. */
export function openServerClock(): ServerClock {
  let ahead: number | null = null
  return {
    nowMs: () => Date.now() + (ahead ?? 0),
    sync: (nowMs) => {
      if (!Number.isFinite(nowMs)) return
      const difference = nowMs - Date.now()
      // The fastest message is the most accurate.
      ahead =
        ahead === null || Math.abs(difference - ahead) > JUMP_MS
          ? difference
          : Math.max(ahead, difference)
    },
  }
}
