/**
 * Signing in: what a cookie opens and what it does not, how it ends, and what cannot be made of
 * one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSessions, SESSION_COOKIE } from '../../src/collect/session.ts'
import { ARRIVAL_US, codeOf, event, get, type Harness, on, post } from './harness.ts'

const WRITE = 'write-key-1'
const READ = 'read-key-1'
const KEYED = {
  keys: { write: [WRITE], read: ['another-read-key', READ] },
  routes: [{ prefix: '/iceberg', answer: () => ({ status: 200, body: '{}' }) }],
}
const DAYS_30_US = 30 * 86_400 * 1_000_000
const PATH = '/api/v1/session'
const LOOPBACK = { address: '127.0.0.0', prefix: 8, family: 'ipv4' } as const

type Headers = Readonly<Record<string, string>>

const ask = (harness: Pick<Harness, 'url'>, method: string, headers: Headers = {}, path = PATH) =>
  fetch(harness.url + path, { method, headers })

const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` })

/** The cookie that signing in sets, as a browser sends it back. */
async function signIn(harness: Pick<Harness, 'url'>, key = READ): Promise<string> {
  const reply = await ask(harness, 'POST', bearer(key))
  assert.equal(reply.status, 204)
  const [cookie = ''] = reply.headers.getSetCookie()
  return cookie.split(';')[0] ?? ''
}

const statusWith = async (harness: Harness, cookie: string, path = '/v1/status') =>
  (await get(harness, path, { cookie })).status

test('a read key signs in: the cookie reads everything, hidden from scripts and other sites', () =>
  on(KEYED, async (harness) => {
    const reply = await ask(harness, 'POST', bearer(READ))
    assert.equal(reply.status, 204)
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    const [cookie, ...others] = reply.headers.getSetCookie()
    assert.deepEqual(others, [])
    assert.match(
      cookie ?? '',
      /^campaign_metrics_session=[\w.-]+; HttpOnly; SameSite=Strict; Path=\/; Max-Age=2592000$/,
    )
    assert.ok(!cookie?.includes(READ))
    const sent = await signIn(harness)
    for (const path of ['/metrics', '/v1/status', '/iceberg/v1/config']) {
      assert.equal(await statusWith(harness, sent, path), 200, path)
    }
    assert.equal(await statusWith(harness, await signIn(harness, 'another-read-key')), 200)
  }))

test('the cookie is Secure if the page, or else a trusted proxy, says TLS; no more is echoed', () =>
  on({ ...KEYED, trustedProxies: [LOOPBACK] }, async (harness) => {
    const { host } = new URL(harness.url)
    for (const [said, isSecure] of [
      [{ origin: `https://${host}` }, true],
      [{ origin: `http://${host}` }, false],
      [{ 'x-forwarded-proto': 'https' }, true],
      [{ 'x-forwarded-proto': 'http , HTTPS' }, true],
      [{ 'x-forwarded-proto': 'https, http' }, false],
      [{ 'x-forwarded-proto': 'https; Domain=evil.example' }, false],
      [{ 'x-forwarded-proto': '' }, false],
      [{}, false],
    ] as const) {
      const headers = { ...bearer(READ), ...said }
      const [cookie = ''] = (await ask(harness, 'POST', headers)).headers.getSetCookie()
      assert.equal(/; Secure$/.test(cookie), isSecure, JSON.stringify(said))
      assert.ok(!cookie.includes('evil'))
    }
  }))

test('a proxy that is not trusted does not make the cookie Secure', () =>
  on(KEYED, async (harness) => {
    const headers = { ...bearer(READ), 'x-forwarded-proto': 'https' }
    const [cookie = ''] = (await ask(harness, 'POST', headers)).headers.getSetCookie()
    assert.doesNotMatch(cookie, /Secure/)
  }))

test('signing in with no or a wrong key is 401, with a write key 403, and sets nothing', () =>
  on(KEYED, async (harness) => {
    for (const [headers, status, code] of [
      [{}, 401, 'key-missing'],
      [bearer('wrong'), 401, 'key-wrong'],
      [{ authorization: 'Basic x' }, 401, 'key-missing'],
      [bearer(WRITE), 403, 'key-not-for-reading'],
      // What is signed in already does not sign in for longer.
      [{ cookie: await signIn(harness) }, 401, 'key-missing'],
    ] as const) {
      const reply = await ask(harness, 'POST', headers)
      const { error } = (await reply.json()) as { error: { code: string } }
      assert.deepEqual([reply.status, error.code], [status, code])
      assert.deepEqual(reply.headers.getSetCookie(), [])
    }
    const elsewhere = await ask(harness, 'POST', bearer(READ), `${PATH}?key=${READ}/x`)
    assert.equal(elsewhere.status, 204, 'the query says nothing')
    assert.equal((await ask(harness, 'POST', bearer(READ), `${PATH}/x`)).status, 404)
    const wrongWay = await ask(harness, 'GET', bearer(READ))
    assert.deepEqual([wrongWay.status, wrongWay.headers.get('allow')], [405, 'POST, DELETE'])
  }))

test('where no read key is configured everybody is in, without a cookie', () =>
  on({ keys: { write: [WRITE], read: [] } }, async (harness) => {
    const reply = await ask(harness, 'POST', bearer('any'))
    assert.deepEqual([reply.status, reply.headers.getSetCookie()], [204, []])
    assert.equal(await statusWith(harness, `${SESSION_COOKIE}=nonsense`), 200)
  }))

test('signing in from a page of another site is refused, and so is signing out', () =>
  on(KEYED, async (harness) => {
    for (const method of ['POST', 'DELETE']) {
      const reply = await ask(harness, method, {
        ...bearer(READ),
        origin: 'https://evil.example',
      })
      assert.deepEqual([reply.status, reply.headers.getSetCookie()], [403, []])
      const own = await ask(harness, method, { ...bearer(READ), origin: harness.url })
      assert.equal(own.status, 204)
    }
  }))

test('signing out takes the cookie away, whoever asks', () =>
  on(KEYED, async (harness) => {
    for (const headers of [{}, { cookie: await signIn(harness) }, bearer('wrong')]) {
      const reply = await ask(harness, 'DELETE', headers)
      assert.equal(reply.status, 204)
      assert.deepEqual(reply.headers.getSetCookie(), [
        'campaign_metrics_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0',
      ])
    }
  }))

test('a session does not write: sending events looks at no cookie', () =>
  on(KEYED, async (harness) => {
    const cookie = await signIn(harness)
    const headers = { 'content-type': 'application/json', cookie }
    const reply = await post(harness, event('s'), headers)
    assert.deepEqual([reply.status, codeOf(reply)], [401, 'key-missing'])
    const keyed = await post(harness, event('s'), { ...headers, ...bearer(WRITE) })
    assert.equal(keyed.status, 200)
    assert.equal(harness.log.end(), 1)
  }))

test('a session reads beside the Authorization of a proxy, and is given to a key beside it', () =>
  on(KEYED, async (harness) => {
    for (const scheme of ['Basic dXNlcjpwYXNz', 'Digest username="u"', 'Negotiate YII=']) {
      const proxy = { authorization: scheme }
      const signedIn = await ask(harness, 'POST', { ...proxy, 'x-api-key': READ })
      const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
      assert.equal((await get(harness, '/v1/status', { ...proxy, cookie })).status, 200, scheme)
      assert.equal((await get(harness, '/v1/status', proxy)).status, 401, scheme)
    }
    // The session is that of the key that counted.
    const both = await ask(harness, 'POST', { ...bearer('wrong'), 'x-api-key': READ })
    const cookie = both.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    assert.equal(await statusWith(harness, cookie), 200)
  }))

test('a session does not save a wrong key in a header', () =>
  on(KEYED, async (harness) => {
    const cookie = await signIn(harness)
    for (const headers of [bearer('wrong'), { 'x-api-key': '' }]) {
      const reply = await get(harness, '/v1/status', { cookie, ...headers })
      assert.equal(reply.status, 401)
    }
  }))

test('a session survives a restart, and ends after 30 days or once its key is gone', async () => {
  let cookie = ''
  await on(KEYED, async (harness) => {
    cookie = await signIn(harness)
  })
  const rest = { keys: { write: [WRITE], read: ['another-read-key'] } }
  for (const [options, nowUs, expected] of [
    [KEYED, ARRIVAL_US, 200],
    [KEYED, ARRIVAL_US + DAYS_30_US - 1_000_000, 200],
    [KEYED, ARRIVAL_US + DAYS_30_US, 401],
    [rest, ARRIVAL_US, 401],
    // A key that was for reading and is for writing now.
    [{ keys: { write: [READ], read: ['another-read-key'] } }, ARRIVAL_US, 401],
  ] as const) {
    await on({ ...options, nowUs: () => nowUs }, async (harness) => {
      const reply = await get(harness, '/v1/status', { cookie })
      assert.equal(reply.status, expected)
      if (expected === 401) assert.equal(JSON.parse(reply.text).error.code, 'session-over')
    })
  }
})

test('a session is found among other cookies, and one that counts is enough', () =>
  on(KEYED, async (harness) => {
    const right = await signIn(harness)
    const wrong = `${SESSION_COOKIE}=v1.wrong`
    for (const [cookies, expected] of [
      [`a=b; ${right}; c=d`, 200],
      [`a=b;${right}`, 200],
      [`${wrong}; ${right}`, 200],
      [`${right}; ${wrong}`, 200],
      [`x${right}`, 401],
      [`a="; ${right}"`, 401],
      [right.replace('session', 'Session'), 401],
      [right.replace('=', ' ='), 401],
      [`${right}x`, 401],
      [`${right}; `.repeat(60), 200],
      [`${wrong}; `.repeat(300), 401],
      [';;;=;', 401],
    ] as const) {
      assert.equal(await statusWith(harness, cookies), expected, cookies.slice(0, 90))
    }
  }))

const sessions = createSessions([READ], () => ARRIVAL_US)
const holds = (token: string) => sessions.holds(`${SESSION_COOKIE}=${token}`)
const { token } = sessions.issue(READ)

test('a token with any character changed, added or left out does not count', () => {
  assert.equal(holds(token), true)
  const anyCharacter = fc.constantFrom(...'ABCDwxyz0123456789-_.~ =')
  const changed = fc
    .tuple(fc.nat(token.length - 1), anyCharacter, fc.nat(2))
    .map(([at, character, left]) => token.slice(0, at) + character + token.slice(at + left))
  fc.assert(
    fc.property(changed, (forged) => forged === token || holds(forged) === false),
    { numRuns: 3000 },
  )
  for (let at = 0; at < token.length; at++) {
    assert.equal(holds(token.slice(0, at)), false, token.slice(0, at))
  }
})

test('a token for longer, for another key, or with the MAC of another text does not count', () => {
  const [version, id, expiry, mac] = token.split('.')
  for (const forged of [
    [version, id, Number(expiry) + 1, mac],
    [version, id, `0${expiry}`, mac],
    [version, 'A'.repeat(12), expiry, mac],
    [version, id, expiry, 'A'.repeat(43)],
    ['v2', id, expiry, mac],
    createSessions(['other-key'], () => ARRIVAL_US)
      .issue('other-key')
      .token.split('.'),
    // The name of this key on what another one signed.
    [
      version,
      id,
      ...createSessions(['x'], () => ARRIVAL_US)
        .issue('x')
        .token.split('.')
        .slice(2),
    ],
  ]) {
    assert.equal(holds(forged.join('.')), false, forged.join('.'))
  }
})

test('no cookie at all is no session, which is something else than a wrong one', () => {
  assert.equal(sessions.holds(undefined), null)
  assert.equal(sessions.holds('a=b'), null)
  assert.equal(sessions.holds(`${SESSION_COOKIE}=`), false)
})
