/**
 * Silences of a topic with everything that may happen in one, at random: leaders that are killed,
 * follow each other or overlap, a job that is restored, partitions that are added, events dated
 * into the silence; with more parallel tasks than partitions, and with fewer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type HeartbeatRules,
  type HeartbeatState,
  isDue,
  NOTHING_KNOWN,
  noteFacts,
  noteLook,
  noteWritten,
} from '../../../src/flink/heartbeat/heartbeat-state.ts'
import { openRandom, type Random } from '../../support/random.ts'
import { DELAY, FlinkModel, type Topic, WINDOW, windowEnd } from './flink-model.ts'

const SEEDS = 400
const US = 1_000_000
const TRAFFIC = 200
const SILENCE = 1_200
/** Then one leader and the job are left alone, until everything has to be over. */
const CALM = 1_500

type Leader = {
  state: HeartbeatState
  /** Its clock is ahead of the broker's by so much. */
  readonly skew: number
  until: number
}

type Run = Readonly<{
  topic: Topic
  flink: FlinkModel
  leader: Leader
  /** When each heartbeat was written, to all partitions at once. */
  heartbeats: readonly number[]
}>

function runSilence(random: Random): Run {
  const partitions = random.pick([1, 2, 3, 6])
  const tasks = random.pick([1, 2, 4, 6])
  const idle = random.pick([4, 10, 60])
  const topic: Topic = { partitions: Array.from({ length: partitions }, () => []) }
  const flink = new FlinkModel(topic, { tasks, idle, interval: random.pick([2, 5]), random })
  const rules: HeartbeatRules = {
    windowUs: WINDOW * US,
    watermarkDelayUs: DELAY * US,
    idleTimeoutUs: idle * US,
  }
  const heartbeats: number[] = []
  const newLeader = (now: number): Leader => ({
    state: NOTHING_KNOWN,
    skew: random.pick([0, 0, 2, 30]),
    until: now + 20 + random.below(400),
  })
  let leaders: Leader[] = [newLeader(0)]

  function send(now: number, event: number): void {
    random.pick(topic.partitions).push({ at: now, event })
  }

  function disturb(now: number): void {
    if (random.chance(0.004)) flink.crash(now)
    if (random.chance(0.002)) topic.partitions.push([])
    // Dated into the silence, a little ahead, or long ago.
    if (random.chance(0.003)) send(now, now + 50 - random.below(400))
    // Another leads before the last one knows.
    if (random.chance(0.002)) leaders.push(newLeader(now))
    leaders = leaders.filter(({ until }) => until > now)
    if (leaders.length === 0 && random.chance(0.1)) leaders.push(newLeader(now))
  }

  for (let now = 0; now < CALM + SILENCE + TRAFFIC; now++) {
    if (now < TRAFFIC) for (let sent = random.below(3); sent > 0; sent--) send(now, now - 1)
    if (now < TRAFFIC + SILENCE) disturb(now)
    if (now === TRAFFIC + SILENCE) {
      leaders = [leaders[0] ?? newLeader(now)]
      for (const leader of leaders) leader.until = Number.POSITIVE_INFINITY
    }
    flink.step(now)
    for (const leader of leaders) lead(leader, { now, topic, flink, rules, heartbeats })
  }
  const [leader] = leaders
  assert.ok(leader !== undefined)
  return { topic, flink, leader, heartbeats }
}

/** As heartbeats.ts does, each second. */
function lead(
  leader: Leader,
  world: Readonly<{
    now: number
    topic: Topic
    flink: FlinkModel
    rules: HeartbeatRules
    heartbeats: number[]
  }>,
): void {
  const { now, topic, flink, rules, heartbeats } = world
  const nowUs = (now + leader.skew) * US
  const ends = topic.partitions.map(({ length }) => length)
  const from = leader.state.standing?.ends
  const came = topic.partitions.flatMap((records, partition) =>
    records.slice(from?.[partition] ?? 0),
  )
  const areHeartbeats = came.every(({ event }) => event === null)
  leader.state = noteLook(leader.state, { ends, areHeartbeats, nowUs })
  const { tables } = flink
  if (now % 2 === 0) {
    const facts = { nowMs: nowUs / 1000, attempt: flink.attempt(), taken: flink.taken }
    leader.state = noteFacts(leader.state, { ...facts, commits: tables.commits }, rules)
    expectClosed(leader.state, flink)
  }
  const events = Number.isFinite(tables.last)
    ? { firstUs: tables.first * US, lastUs: tables.last * US }
    : null
  const closedUntilUs = Number.isFinite(tables.rowsUntil) ? tables.rowsUntil * US : null
  if (!isDue(leader.state, { events, closedUntilUs }, nowUs, rules)) return
  const attempt = flink.attempt()
  if (attempt === null || attempt.jobId !== flink.jobId) return
  const written = topic.partitions.map((records, partition) => {
    records.push({ at: now, event: null })
    return { partition, offset: records.length - 1, appendedMs: now * 1000 }
  })
  heartbeats.push(now)
  leader.state = noteWritten(leader.state, written, attempt, nowUs, rules)
}

/** What it says is closed, Flink never opens again, from whatever checkpoint it goes on. */
function expectClosed({ closedUs }: HeartbeatState, { durable }: FlinkModel): void {
  if (closedUs === null) return
  assert.ok(durable.watermark >= closedUs / US, `closed until ${closedUs / US}`)
}

test('in any silence all windows close, none is said to be closed too early, and then all is still', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { flink, leader, heartbeats, topic } = runSilence(openRandom(seed))
    const at = `seed ${seed}`
    assert.deepEqual([...flink.durable.open], [], at)
    const closed = Math.max(flink.tables.rowsUntil, (leader.state.closedUs ?? -US) / US)
    // What Flink dropped is amended.
    assert.ok(
      [...flink.dropped].every((end) => end <= closed),
      at,
    )
    const events = topic.partitions.flatMap((records) =>
      records.flatMap(({ event }) => (event === null ? [] : [windowEnd(event)])),
    )
    assert.ok(closed >= Math.max(...events), at)
    const last = heartbeats.at(-1) ?? 0
    assert.ok(last < TRAFFIC + SILENCE + CALM / 2, `${at}: a heartbeat at ${last}`)
  }
})

test('two leaders do not answer each other', () => {
  const rules = { windowUs: WINDOW * US, watermarkDelayUs: DELAY * US, idleTimeoutUs: 4 * US }
  const random = openRandom(1)
  const topic: Topic = { partitions: [[{ at: 0, event: 0 }], []] }
  const flink = new FlinkModel(topic, { tasks: 2, idle: 4, interval: 2, random })
  const leaders = [0, 7].map((skew): Leader => ({ state: NOTHING_KNOWN, skew, until: 0 }))
  const heartbeats: number[] = []
  for (let now = 0; now < 2_000; now++) {
    flink.step(now)
    for (const leader of leaders) lead(leader, { now, topic, flink, rules, heartbeats })
  }
  assert.ok(heartbeats.length > 0 && heartbeats.length < 8, heartbeats.join())
  assert.ok((heartbeats.at(-1) ?? 0) < 3 * WINDOW, heartbeats.join())
})
