/**
 * What the API answers around the figures: itself, their answers, their absence. Every answer is
 * held against the description.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStream } from '../../support/event-stream.ts'
import { BEYOND_LIMIT_MS, withinLimit } from '../../support/until.ts'
import { QUESTIONS } from '../questions.ts'
import { openShown, type Shown } from './harness.ts'

const KEYS = { write: ['write-key'], read: ['read-key'] }
const FREE_LIMIT_MS = 30_000

async function shown(t: TestContext, ...options: Parameters<typeof openShown>): Promise<Shown> {
  const opened = await openShown(...options)
  t.after(() => opened.close())
  return opened
}

const VALUES = '{"platform":["web",""],"country":["DE"],"device":[]}'

/**
 * What the figures really answer is validated where the real figures are; here it is one small
 * answer of the right form.
 */
function answerValues(world: Shown, body = VALUES): void {
  world.figures.answer = () => ({ status: 200, contentType: 'application/json', body })
}

const errorOf = ({ text }: Readonly<{ text: string }>): { code: string; message: string } =>
  JSON.parse(text).error

test('settings say what the page is to know', async (t) => {
  const world = await shown(t)
  const reply = await world.ask('/api/v1/settings')
  assert.deepEqual(JSON.parse(reply.text), {
    product: 'campaign-metrics',
    version: '1.2.3',
    timezone: 'Europe/Berlin',
    weekStart: 'sunday',
    currency: 'EUR',
    windowSeconds: 300,
    signedIn: false,
  })
})

test('the figures get path, query and if events wait; their answer is unchanged', async (t) => {
  const world = await shown(t)
  const asked: unknown[] = []
  world.figures.answer = (...question) => {
    asked.push(question)
    return {
      status: 200,
      contentType: 'text/csv; charset=utf-8',
      headers: { 'content-disposition': 'attachment; filename="campaigns.csv"' },
      body: new TextEncoder().encode('campaign\r\nä\r\n'),
    }
  }
  const reply = await world.ask('/api/v1/campaigns.csv?campaign=a%26b&campaign=%C3%A4&search=+')
  assert.deepEqual(asked[0], ['campaigns.csv', 'campaign=a%26b&campaign=%C3%A4&search=+', false])
  assert.equal(reply.text, 'campaign\r\nä\r\n')
  assert.equal(reply.headers.get('content-type'), 'text/csv; charset=utf-8')
  assert.equal(reply.headers.get('cache-control'), 'no-store')
  assert.match(reply.headers.get('content-disposition') ?? '', /^attachment/)
  world.status = { ...world.status, waiting: 1 }
  await world.ask('/api/v1/campaigns.csv')
  assert.deepEqual(asked[1], ['campaigns.csv', '', true])
})

test('the longest possible link can be opened: fifty campaigns of 256 bytes', async (t) => {
  const world = await shown(t)
  const asked: string[] = []
  world.figures.answer = (_, query) => {
    asked.push(query)
    return { status: 200, contentType: 'text/csv; charset=utf-8', body: '' }
  }
  const campaigns = Array.from({ length: 50 }, (_, index) => `${'ü'.repeat(127)}${index % 10}`)
  const query = new URLSearchParams()
  for (const campaign of campaigns) query.append('campaign', campaign)
  const { status } = await world.ask(`/api/v1/campaigns.csv?${query}`)
  assert.equal(status, 200)
  assert.deepEqual(new URLSearchParams(asked[0]).getAll('campaign'), campaigns)
})

test('a question that the figures refuse is refused, and not kept by anybody', async (t) => {
  const world = await shown(t)
  const body = '{"error":{"code":"bad-query","message":"range: x is none of 15m, 1h"}}'
  world.figures.answer = () => ({ status: 400, contentType: 'application/json', body })
  const reply = await world.ask('/api/v1/summary?range=x')
  assert.deepEqual([reply.status, reply.text], [400, body])
  assert.equal(reply.headers.get('cache-control'), 'no-store')
  assert.equal(reply.headers.get('etag'), null)
})

test('an answer that the client has is not sent again; one that changed is', async (t) => {
  const world = await shown(t)
  answerValues(world)
  const first = await world.ask('/api/v1/values')
  const tag = first.headers.get('etag') ?? ''
  assert.match(tag, /^W\/"[\w-]+"$/)
  assert.equal(first.headers.get('cache-control'), 'private, no-cache')
  for (const sent of [tag, `"other", ${tag}`, tag.slice(2), '*']) {
    const again = await world.ask('/api/v1/values', { headers: { 'if-none-match': sent } })
    assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', tag], sent)
  }
  answerValues(world, VALUES.replace('DE', 'FR'))
  const changed = await world.ask('/api/v1/values', { headers: { 'if-none-match': tag } })
  assert.equal(changed.status, 200)
  assert.notEqual(changed.headers.get('etag'), tag)
  const settings = await world.ask('/api/v1/settings')
  const headers = { 'if-none-match': settings.headers.get('etag') ?? '' }
  assert.equal((await world.ask('/api/v1/settings', { headers })).status, 304)
})

test('other paths are 404 and other methods 405, as errors in JSON', async (t) => {
  const world = await shown(t)
  for (const path of [
    '/api/v1',
    '/api/v1/',
    '/api/v1/nothing',
    '/api/v1/summary/',
    '/api/v1/SUMMARY',
    '/api/v1/openapi.json/x',
    '/api/v1/%73ummary',
    '/api/v1/..',
    '/api/v2/summary',
  ]) {
    const reply = await world.ask(path)
    assert.deepEqual([reply.status, errorOf(reply).code], [404, 'not-found'], path)
  }
  for (const path of [...QUESTIONS, 'settings', 'stream', 'openapi.json']) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const reply = await world.ask(`/api/v1/${path}`, { method })
      assert.deepEqual([reply.status, reply.headers.get('allow')], [405, 'GET, HEAD'], path)
    }
  }
})

test('HEAD is the head of GET, and leaves no viewer behind', async (t) => {
  const world = await shown(t)
  answerValues(world)
  for (const path of ['/api/v1/values', '/api/v1/settings', '/api/v1/openapi.json']) {
    const [head, whole] = [await world.ask(path, { method: 'HEAD' }), await world.ask(path)]
    assert.deepEqual([head.status, head.text], [200, ''], path)
    assert.equal(head.headers.get('etag'), whole.headers.get('etag'))
    assert.equal(head.headers.get('content-length'), `${Buffer.byteLength(whole.text)}`)
  }
  for (let at = 0; at < 300; at++) {
    const head = await world.ask('/api/v1/stream', { method: 'HEAD' })
    assert.deepEqual(
      [head.status, head.headers.get('content-type')],
      [200, 'text/event-stream; charset=utf-8'],
    )
  }
})

test('every answer tells browsers what they may do with it', async (t) => {
  const world = await shown(t)
  answerValues(world)
  for (const path of [
    '/',
    '/assets/none.js',
    '/api/v1/values',
    '/api/v1/settings',
    '/api/v1/nothing',
    '/api/v1/openapi.json',
  ]) {
    const { headers } = await world.ask(path)
    assert.equal(
      headers.get('content-security-policy'),
      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
        "object-src 'none'",
      path,
    )
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
})

test('with keys, all but the page and the description needs a read key or a session', async (t) => {
  const world = await shown(t, { keys: KEYS })
  answerValues(world)
  for (const path of ['/', '/favicon.svg', '/assets/x.js']) {
    assert.notEqual((await world.ask(path)).status, 401, path)
  }
  assert.equal((await world.ask('/api/v1/openapi.json')).status, 200)
  for (const path of [...QUESTIONS, 'settings', 'stream', 'nothing'].map(
    (name) => `/api/v1/${name}`,
  )) {
    const none = await fetch(world.collector.url + path)
    assert.equal(none.status, 401, path)
    const write = await fetch(world.collector.url + path, { headers: { 'x-api-key': 'write-key' } })
    assert.equal(write.status, 403, path)
  }
  const signedIn = await world.ask('/api/v1/session', {
    method: 'POST',
    headers: { authorization: 'Bearer read-key' },
  })
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const settings = await world.ask('/api/v1/settings', { headers: { cookie } })
  assert.equal(JSON.parse(settings.text).signedIn, true)
  assert.equal((await world.ask('/api/v1/values', { headers: { cookie } })).status, 200)
  for (const [headers, status] of [
    [{}, 401],
    [{ authorization: 'Bearer wrong' }, 401],
    [{ authorization: 'Bearer write-key' }, 403],
  ] as const) {
    assert.equal((await world.ask('/api/v1/session', { method: 'POST', headers })).status, status)
  }
  assert.equal((await world.ask('/api/v1/session', { method: 'DELETE' })).status, 204)
})

test('a page of another name on this machine gets nothing (DNS rebinding)', async (t) => {
  const world = await shown(t)
  const { request } = await import('node:http')
  for (const path of ['/', '/api/v1/settings', '/api/v1/stream', '/api/v1/openapi.json']) {
    const status = await new Promise((resolve, reject) => {
      const headers = { host: 'evil.example' }
      const asked = request(
        { port: world.collector.port, path, headers, agent: false },
        (reply) => {
          reply.resume()
          resolve(reply.statusCode)
        },
      )
      asked.on('error', reject)
      asked.end()
    })
    assert.equal(status, 403, path)
  }
})

test('failed figures are 503 with the reason; a request after a pause restarts them', async (t) => {
  let nowMs = 0
  const world = await shown(t, {}, { nowMs: () => nowMs })
  answerValues(world)
  assert.equal((await world.ask('/api/v1/values')).status, 200)
  assert.equal(world.fed.length, 1)
  world.figures.startFault = new Error('no memory')
  world.figures.fail(new Error('the thread died'))
  const failed = await world.ask('/api/v1/values')
  assert.equal(failed.status, 503)
  assert.equal(errorOf(failed).code, 'facts-failed')
  assert.match(errorOf(failed).message, /the thread died/)
  assert.equal(failed.headers.get('retry-after'), '5')
  assert.equal(world.figures.threads[0]?.isClosed, true, 'what is left of it is closed')
  assert.equal((await world.ask('/api/v1/settings')).status, 200, 'what needs no figures goes on')
  nowMs = 5000
  assert.match(errorOf(await world.ask('/api/v1/values')).message, /no memory/)
  world.figures.startFault = null
  nowMs = 14_999
  assert.equal((await world.ask('/api/v1/values')).status, 503, 'the pause has doubled')
  nowMs = 15_000
  assert.equal((await world.ask('/api/v1/values')).status, 200)
  assert.equal(world.fed.length, 2, 'the job tells the new thread')
  assert.deepEqual(world.warnings.length, 2, world.warnings.join('\n'))
  // Words of the thread that is gone change nothing.
  world.figures.threads[0]?.events.onFailed(new Error('late'))
  assert.equal((await world.ask('/api/v1/values')).status, 200)
})

test('a permanent fault is retried once a minute in the end, a new one soon', async (t) => {
  let nowMs = 0
  const world = await shown(t, {}, { nowMs: () => nowMs })
  answerValues(world)
  const fail = () => world.figures.fail(new Error('again'))
  fail()
  const pauses: number[] = []
  while (pauses.length < 6) {
    const { length } = world.figures.threads
    const failedMs = nowMs
    while (world.figures.threads.length === length) {
      nowMs += 1000
      await world.ask('/api/v1/values')
    }
    pauses.push((nowMs - failedMs) / 1000)
    fail()
  }
  assert.deepEqual(pauses, [5, 10, 20, 40, 60, 60])
  nowMs += 60_000
  assert.equal((await world.ask('/api/v1/values')).status, 200)
  nowMs += 60_001
  fail()
  nowMs += 5000
  assert.equal((await world.ask('/api/v1/values')).status, 200)
})

test('viewers see that the figures failed, restart them, and get another version', async (t) => {
  const world = await shown(t, {}, {})
  const { body } = await fetch(`${world.collector.url}/api/v1/stream`)
  let text = ''
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  const reading = (async () => {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return
      text += value
    }
  })()
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) await sleep(20)
  }
  world.figures.tell({ version: 'a' })
  await until(/"version":"1\.a"/)
  world.figures.fail(new Error('on purpose'))
  await until(/"problems":\["the dashboard cannot read the tables \(on purpose\)/)
  text = ''
  // The steady clock is the real one here: the pause is five seconds.
  while (world.figures.threads.length < 2) await sleep(50)
  world.figures.tell({ version: 'a' })
  await until(/"version":"2\.a".*"problems":\[\]/)
  await world.collector.collector.close()
  await reading
})

test('a failed question is logged once a minute, another reason at once', async (t) => {
  let nowMs = 0
  const world = await shown(t, {}, { nowMs: () => nowMs })
  const failWith = (fault: string): void => {
    const body = JSON.stringify({ error: { code: 'failed', message: fault } })
    world.figures.answer = () => ({ status: 500, contentType: 'application/json', body, fault })
  }
  for (const fault of ['no memory', 'no memory', 'no disk', 'no disk']) {
    failWith(fault)
    assert.equal((await world.ask('/api/v1/values')).status, 500)
  }
  nowMs += 60_000
  await world.ask('/api/v1/values')
  assert.deepEqual(
    world.warnings,
    ['no memory', 'no disk', 'no disk'].map(
      (fault) => `a question of the dashboard could not be answered: ${fault}`,
    ),
  )
})

test('a question without answer is a problem that viewers see until it is answered', async (t) => {
  let nowMs = 0
  const world = await shown(t, {}, { nowMs: () => nowMs })
  const answered = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  world.figures.answer = async () => {
    asked.resolve()
    await answered.promise
    return { status: 200, contentType: 'application/json', body: '{}' }
  }
  const problems = async (): Promise<readonly string[]> => {
    const stream = await openStream(world.collector.url)
    const told = await stream.next(() => true)
    stream.close()
    return told.problems
  }
  const waiting = fetch(`${world.collector.url}/api/v1/values`)
  await asked.promise
  nowMs = 30_000
  assert.deepEqual(await problems(), [])
  nowMs = 30_001
  assert.match((await problems()).join(), /no answer after 30 seconds/)
  answered.resolve()
  assert.equal((await waiting).status, 200)
  assert.deepEqual(await problems(), [])
})

test('what is wrong with the names of campaigns is on the page and logged once', async (t) => {
  const world = await shown(t)
  const problems = async (): Promise<readonly string[]> => {
    const stream = await openStream(world.collector.url)
    const told = await stream.next(() => true)
    stream.close()
    return told.problems
  }
  world.figures.tellNames('campaign names: no such file')
  assert.deepEqual(await problems(), ['campaign names: no such file'])
  world.figures.tellNames('campaign names: no such file')
  assert.deepEqual(world.warnings, ['campaign names: no such file'])
  world.figures.tellNames(null)
  assert.deepEqual(await problems(), [])
})

test('pending answers are 503 when the figures fail, and too many are refused', async (t) => {
  const world = await shown(t)
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  let asked = 0
  world.figures.answer = () => {
    asked += 1
    return promise
  }
  const waiting = Array.from({ length: 256 }, () => world.ask('/api/v1/summary'))
  while (asked < 256) await sleep(5)
  const refused = await world.ask('/api/v1/summary')
  assert.deepEqual([refused.status, errorOf(refused).code], [503, 'too-busy'])
  assert.equal(refused.headers.get('retry-after'), '1')
  reject(new Error('gone'))
  for (const reply of await Promise.all(waiting)) {
    assert.equal(reply.status, 503)
    assert.match(errorOf(reply).message, /gone/)
  }
  answerValues(world)
  assert.equal((await world.ask('/api/v1/values')).status, 200)
})

test('closing does not wait for a long answer: it is 503, and all closes at once', async (t) => {
  const world = await shown(t, { limits: { closeTimeoutMs: BEYOND_LIMIT_MS } })
  let asked = 0
  world.figures.answer = () => {
    asked += 1
    return new Promise(() => {})
  }
  const waiting = Array.from({ length: 3 }, () => world.ask('/api/v1/summary'))
  while (asked < 3) await sleep(5)
  await withinLimit(world.close())
  for (const reply of await Promise.all(waiting)) {
    assert.deepEqual([reply.status, errorOf(reply).code], [503, 'closing'])
  }
})

test('10,000 viewers that come and go leave nothing behind; the 201st must wait', async (t) => {
  const faults: Error[] = []
  const onWarning = (warning: Error) => faults.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const world = await shown(t, { limits: { closeTimeoutMs: BEYOND_LIMIT_MS } })
  const { openRaw } = await import('../../collect/harness.ts')
  const ask = 'GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n'
  for (let round = 0; round < 100; round++) {
    const raws = Array.from({ length: 100 }, () => openRaw(world.collector.port))
    for (const raw of raws) raw.send(ask)
    await Promise.all(raws.map((raw) => raw.until(/event: live/)))
    for (const raw of raws) raw.socket.destroy()
    await Promise.all(raws.map((raw) => raw.end))
  }
  // All 200 places are free again: nothing of the 10,000 is left, once the server has heard of all
  // their ends.
  const raws = await Promise.all(
    Array.from({ length: 200 }, async () => {
      for (const limit = AbortSignal.timeout(FREE_LIMIT_MS); ; await sleep(20)) {
        const raw = openRaw(world.collector.port)
        raw.send(ask)
        const told = await raw.until(/event: live|too-many-streams/)
        if (/event: live/.test(told)) return raw
        raw.socket.destroy()
        limit.throwIfAborted()
      }
    }),
  )
  const refused = await world.ask('/api/v1/stream')
  assert.deepEqual([refused.status, errorOf(refused).code], [503, 'too-many-streams'])
  assert.equal(refused.headers.get('retry-after'), '5')
  await withinLimit(world.close())
  for (const raw of raws) assert.ok((await raw.end).endsWith('0\r\n\r\n'))
  assert.deepEqual(faults, [])
})
