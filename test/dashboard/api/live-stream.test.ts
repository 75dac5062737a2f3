/** The event stream: who hears what, when, how often, and what is kept for whom. */
import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { mock, type TestContext, test } from 'node:test'
import {
  type LiveState,
  openLiveState,
  type PipelineStatus,
} from '../../../src/dashboard/api/live-state.ts'
import { type LiveStream, openLiveStream } from '../../../src/dashboard/api/live-stream.ts'
import type { LiveUpdate } from '../../../src/dashboard/live/live-updates.ts'
import type { LiveMessage } from '../../../src/dashboard-definition/wire.ts'
import { expectSchema } from './openapi.ts'

/** 2026-11-22T10:00:00Z */
const START_SECOND = 1_795_341_600
const START_US = START_SECOND * 1_000_000
const WINDOW_US = 300_000_000

type Told = Readonly<{ id: string; message: LiveMessage; text: string }>

type World = {
  readonly state: LiveState
  readonly stream: LiveStream
  status: PipelineStatus
  nowMs: number
  watched: number
  /** Lets the clocks go on, with all ticks on the way. */
  pass(ms: number): Promise<void>
  tell(live: Partial<LiveUpdate>): Promise<void>
}

function openWorld(t: TestContext, epoch = START_US): World {
  mock.timers.enable({ apis: ['setInterval'] })
  const world = {
    status: {
      stored: 0,
      committedAtUs: null,
      waiting: 0,
      secondsBehind: 0,
      problems: [],
    } as PipelineStatus,
    nowMs: 0,
    watched: 0,
  }
  const state = openLiveState({
    status: () => world.status,
    windowUs: WINDOW_US,
    nowUs: () => START_US + world.nowMs * 1000,
  })
  const stream = openLiveStream({
    state,
    epoch,
    nowMs: () => world.nowMs,
    onWatched: () => {
      world.watched += 1
    },
  })
  t.after(() => {
    stream.close()
    mock.timers.reset()
  })
  return Object.assign(world, {
    state,
    stream,
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 50) {
        world.nowMs += 50
        mock.timers.tick(50)
        await settled()
      }
    },
    async tell(live: Partial<LiveUpdate>) {
      state.take({ version: '1', seconds: [], newest: null, arrivedUs: null, ...live })
      stream.move()
      await settled()
    },
  })
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a viewer has been told so far; `pipe`d, as the collector does it. */
function watch(stream: LiveStream, lastId?: string): { told: Told[]; close: () => void } {
  const source = stream.connect(lastId)
  assert.ok(source instanceof Readable)
  const told: Told[] = []
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      told.push(parse(chunk.toString()))
      done()
    },
  })
  source.pipe(socket)
  return { told, close: () => source.destroy() }
}

function parse(text: string): Told {
  const match = /^(?:retry: 1000\n)?event: live\nid: ([\w-]+)\ndata: (.*)\n\n$/.exec(text)
  assert.ok(match !== null, text)
  const message: LiveMessage = JSON.parse(match[2] ?? '')
  expectSchema('components/schemas/LiveMessage', message, 'a message')
  return { id: match[1] ?? '', message, text }
}

const secondsOf = (told: Told | undefined) => told?.message.seconds

test('the first message has everything, later ones only seconds that changed', async (t) => {
  const world = openWorld(t)
  await world.tell({
    seconds: [
      [START_SECOND - 2, 5, 1, 0],
      [START_SECOND - 1, 7, 0, 0],
    ],
  })
  const { told } = watch(world.stream)
  await settled()
  assert.equal(told.length, 1)
  assert.match(told[0]?.text ?? '', /^retry: 1000\n/)
  assert.deepEqual(secondsOf(told[0]), [
    [START_SECOND - 2, 5, 1, 0],
    [START_SECOND - 1, 7, 0, 0],
  ])
  await world.pass(300)
  await world.tell({
    version: '2',
    seconds: [
      [START_SECOND - 1, 8, 0, 0],
      [START_SECOND, 1, 1, 1],
    ],
  })
  assert.equal(told.length, 2)
  assert.deepEqual(secondsOf(told[1]), [
    [START_SECOND - 1, 8, 0, 0],
    [START_SECOND, 1, 1, 1],
  ])
  assert.equal(told[1]?.message.version, '2')
  assert.doesNotMatch(told[1]?.text ?? '', /retry/)
})

test('without changes a message comes every two seconds, without any seconds', async (t) => {
  const world = openWorld(t)
  const { told } = watch(world.stream)
  await world.pass(20_000)
  assert.ok(told.length >= 10 && told.length <= 15, `${told.length} messages in 20 s`)
  const times = told.map(({ message }) => Date.parse(message.now))
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
  assert.ok(Math.max(...gaps) <= 2000, `${gaps}`)
  assert.deepEqual(
    told.slice(1).flatMap(({ message }) => message.seconds),
    [],
  )
})

test('a viewer gets at most five messages a second, and misses no change', async (t) => {
  const world = openWorld(t)
  const { told } = watch(world.stream)
  for (let at = 1; at <= 200; at++) {
    await world.pass(50)
    await world.tell({
      version: `${at}`,
      seconds: [[START_SECOND + Math.floor(at / 20), at, 0, 0]],
    })
  }
  await world.pass(500)
  assert.ok(told.length <= 55, `${told.length} messages in 10 s`)
  assert.equal(told.at(-1)?.message.version, '200')
  const merged = new Map(told.flatMap(({ message }) => message.seconds).map(([at, n]) => [at, n]))
  for (let second = 0; second < 10; second++) {
    assert.equal(merged.get(START_SECOND + second), second * 20 + 19)
  }
})

test('a returning viewer gets changes only; everything after a restart or bad id', async (t) => {
  const world = openWorld(t)
  await world.tell({ seconds: [[START_SECOND - 1, 1, 0, 0]] })
  const before = watch(world.stream)
  await settled()
  before.close()
  await world.tell({ seconds: [[START_SECOND, 2, 0, 0]] })
  const id = before.told[0]?.id ?? ''
  const back = watch(world.stream, id)
  await settled()
  assert.deepEqual(secondsOf(back.told[0]), [[START_SECOND, 2, 0, 0]])

  const all = [
    [START_SECOND - 1, 1, 0, 0],
    [START_SECOND, 2, 0, 0],
  ]
  const [epoch = ''] = id.split('-')
  const otherProcess = `${(START_US + 1).toString(36)}-3`
  for (const nonsense of [
    otherProcess,
    `${epoch}-999`,
    `${epoch}--1`,
    `${epoch}-1e3`,
    epoch,
    '',
    'x'.repeat(9999),
  ]) {
    const { told, close } = watch(world.stream, nonsense)
    await settled()
    assert.deepEqual(secondsOf(told[0]), all, nonsense.slice(0, 40))
    close()
  }
})

test('nothing is buffered for a viewer that does not read; later it gets the newest', async (t) => {
  const world = openWorld(t)
  const source = world.stream.connect(undefined)
  assert.ok(source !== null)
  const taken: string[] = []
  let finish = () => {}
  // A socket that is full after each message until it is drained by hand.
  const socket = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk.toString())
      finish = done
    },
  })
  source.pipe(socket)
  await settled()
  const quick = watch(world.stream)
  await settled()
  for (let at = 0; at < 5000; at++) {
    world.nowMs += 300
    await world.tell({
      version: `${at}`,
      seconds: [[START_SECOND + Math.floor(at * 0.3), at, 0, 0]],
    })
  }
  assert.equal(quick.told.length, 5001, 'others are told everything')
  assert.equal(taken.length, 1)
  assert.ok(socket.writableLength < 1000, `${socket.writableLength} bytes wait in the socket`)
  assert.equal(source.readableLength, 0, 'and none in the stream')
  finish()
  await world.pass(300)
  assert.equal(taken.length, 2)
  const { message } = parse(taken[1] ?? '')
  assert.equal(message.version, '4999')
  assert.ok(message.seconds.length <= 301, 'five minutes, however long it slept')
  assert.equal(message.seconds.at(-1)?.[1], 4999)
})

test('five minutes of seconds are kept, and no more', async (t) => {
  const world = openWorld(t)
  for (let second = 0; second < 1000; second++) {
    world.nowMs = second * 1000
    await world.tell({ seconds: [[START_SECOND + second, 1, 0, 0]] })
  }
  const { told } = watch(world.stream)
  await settled()
  const seconds = secondsOf(told[0]) ?? []
  assert.equal(seconds.length, 301)
  assert.equal(seconds[0]?.[0], START_SECOND + 699)
  world.nowMs += 120_000
  const later = watch(world.stream)
  await settled()
  assert.equal(secondsOf(later.told[0])?.length, 181, 'also while nothing comes in')
})

test('the status of the pipeline is news as well: a commit, a problem', async (t) => {
  const world = openWorld(t)
  const { told } = watch(world.stream)
  await world.pass(250)
  world.status = { ...world.status, stored: 7, committedAtUs: START_US, problems: ['full disk'] }
  await world.pass(250)
  const { message } = told.at(-1) ?? assert.fail('no message')
  assert.equal(message.stored, 7)
  assert.equal(message.committedAt, '2026-11-22T10:00:00Z')
  assert.deepEqual(message.problems, ['full disk'])
})

test('completeness is unknown at first, then the last arrival, and never goes back', async (t) => {
  const world = openWorld(t)
  const complete = () => world.state.message(0).completeTo
  assert.equal(complete(), null)
  // Ten seconds past 10:00 nothing waits: the window that ended there is complete.
  world.nowMs = 10_000
  world.status = { ...world.status, stored: 1 }
  assert.equal(complete(), '2026-11-22T10:00:00Z')
  world.status = { ...world.status, waiting: 5 }
  await world.tell({ arrivedUs: START_US - 1_000_000 })
  assert.equal(complete(), '2026-11-22T10:00:00Z', 'not back')
  world.nowMs = 700_000
  await world.tell({ arrivedUs: START_US + 305_000_000 })
  assert.equal(complete(), '2026-11-22T10:00:00Z', 'five seconds after 10:05 is too early')
  await world.tell({ arrivedUs: START_US + 310_000_000 })
  assert.equal(complete(), '2026-11-22T10:05:00Z')
})

test('at most 200 watch; who leaves makes room, and with nobody left nothing ticks', async (t) => {
  const world = openWorld(t)
  const viewers = Array.from({ length: 200 }, () => watch(world.stream))
  assert.equal(world.stream.connect(undefined), null)
  viewers[0]?.close()
  await settled()
  const late = watch(world.stream)
  await settled()
  assert.equal(late.told.length, 1)
  await world.pass(250)
  assert.ok(world.watched > 0)
  for (const { close } of [...viewers, late]) close()
  await settled()
  assert.equal(world.stream.viewers(), 0)
  const { watched } = world
  await world.pass(1000)
  assert.equal(world.watched, watched)
})

test('closing ends every stream, and no further one begins', async (t) => {
  const world = openWorld(t)
  const source = world.stream.connect(undefined)
  assert.ok(source !== null)
  source.resume()
  const ended = new Promise((resolve) => source.on('end', resolve))
  world.stream.close()
  await ended
  assert.equal(world.stream.connect(undefined), null)
})
