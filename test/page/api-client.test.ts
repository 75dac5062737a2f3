/**
 * What the page makes of the server's answers: each is a value, and each failure says what it is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApiClient } from '../../src/page/api-client.ts'

const clientOf = (answer: () => Response | Promise<Response>) =>
  createApiClient(async () => await answer())

function errorOf(status: number, message: string): Response {
  return Response.json({ error: { code: 'any', message } }, { status })
}

test('an answer, a refusal, being signed out and a server that fails are told apart', async () => {
  const answered = await clientOf(() => Response.json({ total: 3 })).get('revenue')
  assert.deepEqual(answered, { kind: 'answer', answer: { total: 3 } })
  const kinds = { 400: 'refused', 403: 'refused', 401: 'signed-out', 429: 'unreachable' }
  for (const [status, kind] of Object.entries({
    ...kinds,
    500: 'unreachable',
    503: 'unreachable',
  })) {
    const failed = await clientOf(() => errorOf(Number(status), 'why')).get('revenue')
    assert.deepEqual(failed, { kind, message: 'why' }, status)
  }
})

test('an error in words that are not ours is said by its status', async () => {
  const failed = await clientOf(() => new Response('<h1>Bad gateway</h1>', { status: 502 })).get(
    'x',
  )
  assert.deepEqual(failed, { kind: 'unreachable', message: 'The server answered 502.' })
  const empty = await clientOf(() => Response.json({}, { status: 404 })).get('x')
  assert.deepEqual(empty, { kind: 'refused', message: 'The server answered 404.' })
})

test('unreachable, slow and aborted are different failures', async () => {
  const gone = clientOf(() => Promise.reject(new TypeError('fetch failed')))
  const unreachable = { kind: 'unreachable', message: 'The server cannot be reached.' }
  assert.deepEqual(await gone.get('x'), unreachable)
  const slow = clientOf(() => Promise.reject(new DOMException('late', 'TimeoutError')))
  const late = 'The server has not answered within 30 seconds.'
  assert.deepEqual(await slow.get('x'), { kind: 'unreachable', message: late })
  assert.deepEqual(await gone.get('x', AbortSignal.abort()), { kind: 'aborted' })
  const cut = clientOf(() => new Response('{"total":', { status: 200 }))
  assert.deepEqual(await cut.get('x'), unreachable)
})

test('signing out succeeds only where the server has taken the session back', async () => {
  const out = await clientOf(() => new Response(null, { status: 204 })).signOut()
  assert.deepEqual(out, { kind: 'answer', answer: null })
  assert.equal((await clientOf(() => errorOf(503, 'closing')).signOut()).kind, 'unreachable')
  const gone = clientOf(() => Promise.reject(new TypeError('fetch failed')))
  assert.equal((await gone.signOut()).kind, 'unreachable')
})

test('the key is sent in a header, never in the address', async () => {
  const sent: [string, RequestInit | undefined][] = []
  const client = createApiClient(async (input, init) => {
    sent.push([String(input), init])
    return new Response(null, { status: 204 })
  })
  assert.equal((await client.signIn('a read key')).kind, 'answer')
  const [[address, request] = ['', undefined]] = sent
  assert.equal(address, 'api/v1/session')
  assert.equal(request?.method, 'POST')
  assert.deepEqual(request?.headers, { 'x-api-key': 'a read key' })
})
