/** The event stream of the server, kept open: `live-state.ts` decides, this opens and shuts the EventSource. */
import type { LiveMessage } from '../wire.ts'
import { connecting, type LiveEvent, type LiveState, nextLiveState } from './live-state.ts'

export type Live = Readonly<{
  /** To be called a few times a second. */
  tick: () => void
  isLive: () => boolean
  close: () => void
}>

type LiveOptions = Readonly<{
  url: string
  nowMs: () => number
  onMessage: (message: LiveMessage) => void
  /** Whether figures move, whenever that changes. */
  onConnection: (isLive: boolean) => void
  /** The server has answered with an error; which one, an EventSource does not tell. */
  onRefused: () => void
}>

export function openLive(options: LiveOptions): Live {
  let state: LiveState = connecting(0, options.nowMs())
  let source: EventSource | null = null

  const step = (event: LiveEvent): void => {
    const before = state
    state = nextLiveState(before, event, options.nowMs())
    if (state.name === before.name) return
    if (state.name === 'connecting') open()
    if (state.name === 'waiting' || state.name === 'closed') shut()
    const isLive = state.name === 'live'
    if (isLive !== (before.name === 'live')) options.onConnection(isLive)
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

  const wake = (): void => {
    if (document.visibilityState === 'visible') step('wake')
  }
  window.addEventListener('online', wake)
  document.addEventListener('visibilitychange', wake)
  open()

  return {
    tick: () => step('tick'),
    isLive: () => state.name === 'live',
    close: () => {
      window.removeEventListener('online', wake)
      document.removeEventListener('visibilitychange', wake)
      step('close')
    },
  }
}
