/** The stream's states: what each event does to each, and that it always finds back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  connecting,
  connectionOf,
  type LiveEvent,
  type LiveState,
  nextLiveState,
} from '../../src/page/live-state.ts'

const EVENTS: readonly LiveEvent[] = [
  'message',
  'interrupted',
  'refused',
  'tick',
  'hide',
  'wake',
  'close',
]

const STATES: readonly LiveState[] = [
  { name: 'connecting', sinceMs: 0, attempt: 0 },
  { name: 'live', heardMs: 0 },
  { name: 'resuming', sinceMs: 0 },
  { name: 'waiting', untilMs: 1000, attempt: 1 },
  { name: 'asleep' },
  { name: 'closed' },
]

test('what every event does to every state, half a second later', () => {
  const table = STATES.map((state) => [
    state.name,
    ...EVENTS.map((event) => nextLiveState(state, event, 500).name),
  ])
  assert.deepEqual(table, [
    // state message interrupted refused tick hide wake close
    ['connecting', 'live', 'resuming', 'waiting', 'connecting', 'asleep', 'connecting', 'closed'],
    ['live', 'live', 'resuming', 'waiting', 'live', 'asleep', 'live', 'closed'],
    ['resuming', 'live', 'resuming', 'waiting', 'resuming', 'asleep', 'waiting', 'closed'],
    ['waiting', 'waiting', 'waiting', 'waiting', 'waiting', 'asleep', 'connecting', 'closed'],
    ['asleep', 'asleep', 'asleep', 'asleep', 'asleep', 'asleep', 'connecting', 'closed'],
    ['closed', 'closed', 'closed', 'closed', 'closed', 'closed', 'closed', 'closed'],
  ])
})

test('a stream that is silent for more than eight seconds counts as cut', () => {
  const live: LiveState = { name: 'live', heardMs: 0 }
  assert.equal(nextLiveState(live, 'tick', 8000).name, 'live')
  assert.equal(nextLiveState(live, 'tick', 8001).name, 'waiting')
  assert.equal(nextLiveState(live, 'wake', 60_000).name, 'waiting', 'a laptop was opened')
})

test('neither the first connection nor the browser’s own tries last for ever', () => {
  assert.equal(nextLiveState(connecting(0, 0), 'tick', 10_001).name, 'waiting')
  assert.equal(nextLiveState({ name: 'resuming', sinceMs: 0 }, 'tick', 10_001).name, 'waiting')
})

test('the pauses between attempts double up to eight seconds', () => {
  const pauses = []
  let state: LiveState = connecting(0, 0)
  let nowMs = 0
  for (let attempt = 0; attempt < 7; attempt++) {
    state = nextLiveState(state, 'refused', nowMs)
    assert.equal(state.name, 'waiting')
    const untilMs = state.name === 'waiting' ? state.untilMs : 0
    pauses.push(untilMs - nowMs)
    assert.equal(nextLiveState(state, 'tick', untilMs - 1).name, 'waiting')
    nowMs = untilMs
    state = nextLiveState(state, 'tick', nowMs)
    assert.equal(state.name, 'connecting')
  }
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000])
})

test('a message forgets the attempts before it', () => {
  const live = nextLiveState(connecting(9, 0), 'message', 10)
  assert.deepEqual(nextLiveState(live, 'refused', 20), {
    name: 'waiting',
    untilMs: 520,
    attempt: 0,
  })
})

test('a reader is told of interruptions, not of a first connection or a hidden tab', () => {
  assert.deepEqual(
    STATES.map((state) => connectionOf(state)),
    ['connecting', 'live', 'reconnecting', 'reconnecting', 'live', 'reconnecting'],
  )
  assert.equal(connectionOf(connecting(1, 0)), 'reconnecting')
})

test('unless closed or hidden, it connects again within twenty seconds of anything', () => {
  const step = fc.tuple(
    fc.constantFrom(...EVENTS.filter((event) => event !== 'close' && event !== 'hide')),
    fc.integer({ min: 0, max: 20_000 }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let nowMs = 0
      let state: LiveState = connecting(0, nowMs)
      for (const [event, afterMs] of steps) {
        nowMs += afterMs
        state = nextLiveState(state, event, nowMs)
      }
      const names = new Set<string>()
      for (let ticked = 0; ticked <= 20_000; ticked += 250) {
        state = nextLiveState(state, 'tick', nowMs + ticked)
        names.add(state.name)
      }
      assert.ok(names.has('connecting'), [...names].join(' '))
    }),
  )
})
