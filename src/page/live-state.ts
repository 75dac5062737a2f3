/**
 * The states of the event stream, as a table of states and events; the clock is passed in. After an
 * interruption the browser reconnects by itself and resumes (`resuming`). It gives up if the server
 * answers with an error; then we wait and open a new stream (`waiting`). A silent stream counts as
 * interrupted: the server sends a message every two seconds.
 *
 *     connecting ──message──► live ──interrupted──► resuming ──message──► live
 *          ▲                   │ refused, silent       │ refused, too long
 *          └──── pause over ── waiting ◄───────────────┘
 *
 *     any ──hide──► asleep ──wake──► connecting
 *
 * A hidden tab has no stream (`asleep`): browsers limit connections to a server to six for all
 * tabs.
 */

export type LiveState =
  | Readonly<{ name: 'connecting'; sinceMs: number; attempt: number }>
  | Readonly<{ name: 'live'; heardMs: number }>
  | Readonly<{ name: 'resuming'; sinceMs: number }>
  | Readonly<{ name: 'waiting'; untilMs: number; attempt: number }>
  | Readonly<{ name: 'asleep' }>
  | Readonly<{ name: 'closed' }>

/**
 * `message`: one has arrived. `interrupted`: the browser retries. `refused`: the browser has given
 * up. `tick`: time has passed. `hide`: the tab is hidden. `wake`: the network or the reader is
 * back. `close`: the page has closed the stream.
 */
export type LiveEvent = 'message' | 'interrupted' | 'refused' | 'tick' | 'hide' | 'wake' | 'close'

type StateNamed<Name extends LiveState['name']> = Extract<LiveState, { name: Name }>
type Transition<State> = (state: State, nowMs: number) => LiveState

const SILENT_MS_MAX = 8000
const CONNECT_MS_MAX = 10_000
const PAUSE_MS = [500, 1000, 2000, 4000, 8000] as const

const live = (_: LiveState, nowMs: number): LiveState => ({ name: 'live', heardMs: nowMs })
const resuming = (_: LiveState, nowMs: number): LiveState => ({ name: 'resuming', sinceMs: nowMs })
const asleep = (): LiveState => ({ name: 'asleep' })
const closed = (): LiveState => ({ name: 'closed' })
const stay = (state: LiveState): LiveState => state

function waiting(attempt: number, nowMs: number): LiveState {
  const pause = PAUSE_MS[Math.min(attempt, PAUSE_MS.length - 1)] ?? 0
  return { name: 'waiting', untilMs: nowMs + pause, attempt }
}

/** What every event does in every state; the compiler finds missing entries. */
const TRANSITIONS: Readonly<{
  [Name in LiveState['name']]: Readonly<Record<LiveEvent, Transition<StateNamed<Name>>>>
}> = {
  connecting: {
    message: live,
    interrupted: resuming,
    refused: (state, nowMs) => waiting(state.attempt, nowMs),
    tick: (state, nowMs) =>
      nowMs - state.sinceMs > CONNECT_MS_MAX ? waiting(state.attempt, nowMs) : state,
    hide: asleep,
    wake: stay,
    close: closed,
  },
  live: {
    message: live,
    interrupted: resuming,
    refused: (_, nowMs) => waiting(0, nowMs),
    tick: (state, nowMs) => (nowMs - state.heardMs > SILENT_MS_MAX ? waiting(0, nowMs) : state),
    hide: asleep,
    wake: (state, nowMs) => (nowMs - state.heardMs > SILENT_MS_MAX ? waiting(0, nowMs) : state),
    close: closed,
  },
  resuming: {
    message: live,
    interrupted: stay,
    refused: (_, nowMs) => waiting(0, nowMs),
    tick: (state, nowMs) => (nowMs - state.sinceMs > CONNECT_MS_MAX ? waiting(0, nowMs) : state),
    hide: asleep,
    wake: (_, nowMs) => waiting(0, nowMs),
    close: closed,
  },
  waiting: {
    message: stay,
    interrupted: stay,
    refused: stay,
    tick: (state, nowMs) => (nowMs < state.untilMs ? state : connecting(state.attempt + 1, nowMs)),
    hide: asleep,
    wake: (_, nowMs) => connecting(1, nowMs),
    close: closed,
  },
  asleep: {
    message: stay,
    interrupted: stay,
    refused: stay,
    tick: stay,
    hide: stay,
    wake: (_, nowMs) => connecting(0, nowMs),
    close: closed,
  },
  closed: {
    message: stay,
    interrupted: stay,
    refused: stay,
    tick: stay,
    hide: stay,
    wake: stay,
    close: stay,
  },
}

/** `attempt` counts earlier failures. */
export function connecting(attempt: number, nowMs: number): LiveState {
  return { name: 'connecting', sinceMs: nowMs, attempt }
}

/** What the reader sees: neither sleeping nor waking up is an interruption. */
export type Connection = 'connecting' | 'live' | 'reconnecting'

export function connectionOf(state: LiveState): Connection {
  if (state.name === 'live' || state.name === 'asleep') return 'live'
  return state.name === 'connecting' && state.attempt === 0 ? 'connecting' : 'reconnecting'
}

export function nextLiveState(state: LiveState, event: LiveEvent, nowMs: number): LiveState {
  const transition = TRANSITIONS[state.name][event] as Transition<LiveState>
  return transition(state, nowMs)
}
