/**
 * Proxies in front: whose word on the client counts, which hop of several it is that counts, and
 * that pages reached through them may sign in. Expected values are written by hand from RFC 7239
 * and from what proxies send.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressRange, type ClientSide, createClientSide } from '../../src/collect/proxy.ts'
import { type Harness, type HarnessOptions, on, openRaw, statusesOf } from './harness.ts'

const READ = 'read-key-1'
const KEYED: HarnessOptions = { keys: { write: ['write-key-1'], read: [READ] } }
const LOOPBACK: AddressRange = { address: '127.0.0.0', prefix: 8, family: 'ipv4' }

const v4 = (address: string, prefix = 32): AddressRange => ({ address, prefix, family: 'ipv4' })
const v6 = (address: string, prefix = 128): AddressRange => ({ address, prefix, family: 'ipv6' })

const TRUSTED = [v4('10.0.0.0', 8), v4('192.0.2.7'), v6('fd00::', 8), v6('::1')]

function clientOf(
  peer: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  trusted: readonly AddressRange[] = TRUSTED,
): ClientSide {
  const request = { headers: { host: 'inside:8088', ...headers }, socket: { remoteAddress: peer } }
  return createClientSide(trusted)(request)
}

const FORWARDED = {
  'x-forwarded-host': 'ads.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '198.51.100.9',
}

test('a proxy is believed from a listed address, by itself or in a range, in either family', () => {
  for (const peer of [
    '10.255.3.4',
    '192.0.2.7',
    'fd12:3456::1',
    'FD12::1',
    '::1',
    // IPv4 on a socket that listens on IPv6.
    '::ffff:10.0.0.1',
    '::ffff:192.0.2.7',
  ]) {
    const expected = { host: 'ads.example', scheme: 'https', address: '198.51.100.9' }
    assert.deepEqual(clientOf(peer, FORWARDED), expected, peer)
  }
})

test('every other address is not believed: the client is who is connected', () => {
  for (const [peer, address] of [
    ['11.0.0.1', '11.0.0.1'],
    ['192.0.2.8', '192.0.2.8'],
    ['fe00::1', 'fe00::1'],
    ['::2', '::2'],
    ['::ffff:11.0.0.1', '11.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, undefined],
  ] as const) {
    const direct = { host: 'inside:8088', scheme: undefined, address }
    assert.deepEqual(clientOf(peer, FORWARDED), direct, peer)
    const forwarded = 'for=198.51.100.9;host=ads.example;proto=https'
    assert.deepEqual(clientOf(peer, { forwarded }), direct, peer)
  }
  assert.deepEqual(clientOf('10.0.0.1', FORWARDED, []), {
    host: 'inside:8088',
    scheme: undefined,
    address: '10.0.0.1',
  })
})

test('a trusted range may be all of IPv4, or one that is written as IPv6', () => {
  assert.equal(clientOf('203.0.113.1', FORWARDED, [v4('0.0.0.0', 0)]).host, 'ads.example')
  assert.equal(clientOf('2001:db8::1', FORWARDED, [v4('0.0.0.0', 0)]).host, 'inside:8088')
  const mapped = [v6('::ffff:172.16.0.0', 108)]
  assert.equal(clientOf('172.31.255.255', FORWARDED, mapped).host, 'ads.example')
  assert.equal(clientOf('172.32.0.0', FORWARDED, mapped).host, 'inside:8088')
})

test('a proxy may tell a part: what nobody told is as it came in', () => {
  assert.deepEqual(clientOf('10.0.0.1'), {
    host: 'inside:8088',
    scheme: undefined,
    address: '10.0.0.1',
  })
  const tls = clientOf('10.0.0.1', { 'x-forwarded-proto': 'https' })
  assert.deepEqual([tls.host, tls.scheme], ['inside:8088', 'https'])
  const mixed = { 'x-forwarded-proto': 'https', forwarded: 'for=198.51.100.9;host=ads.example' }
  assert.deepEqual(clientOf('10.0.0.1', mixed), {
    host: 'ads.example',
    scheme: 'https',
    address: '198.51.100.9',
  })
})

test('what a proxy tells counts only where it is a host, a scheme or an address', () => {
  for (const host of ['', 'a b', 'a/b', 'user@evil.example', 'a;b', 'a:b', '[::1', 'a\\b']) {
    assert.equal(clientOf('10.0.0.1', { 'x-forwarded-host': host }).host, 'inside:8088', host)
  }
  for (const host of ['ads.example:8443', '192.0.2.1', '[2001:db8::1]:443', 'Ads_1.Example']) {
    assert.equal(clientOf('10.0.0.1', { 'x-forwarded-host': host }).host, host)
  }
  for (const [sent, scheme] of [
    ['HTTPS', 'https'],
    ['http', 'http'],
    ['wss', undefined],
    ['https; Domain=evil.example', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(clientOf('10.0.0.1', { 'x-forwarded-proto': sent }).scheme, scheme, sent)
  }
  for (const [sent, address] of [
    ['unknown', '10.0.0.1'],
    ['_hidden', '10.0.0.1'],
    ['198.51.100.999', '10.0.0.1'],
    ['', '10.0.0.1'],
    // As some load balancers write it.
    ['198.51.100.9:4711', '198.51.100.9'],
    ['[2001:db8::9]:4711', '2001:db8::9'],
    ['2001:db8::9', '2001:db8::9'],
    ['::ffff:198.51.100.9', '198.51.100.9'],
  ] as const) {
    assert.equal(clientOf('10.0.0.1', { 'x-forwarded-for': sent }).address, address, sent)
  }
})

test('of several hops the rightmost untrusted is the client, with the host it asked for', () => {
  const chain = {
    'x-forwarded-for': '203.0.113.66, 198.51.100.9, 10.0.0.2',
    'x-forwarded-host': 'evil.example, ads.example, middle.internal',
    'x-forwarded-proto': 'http, https, http',
  }
  assert.deepEqual(clientOf('10.0.0.3', chain), {
    host: 'ads.example',
    scheme: 'https',
    address: '198.51.100.9',
  })
  // The middle proxy is a stranger: it is the client, and what it was asked for is its own
  // affair.
  const stranger = { ...chain, 'x-forwarded-for': '203.0.113.66, 198.51.100.9, 11.0.0.2' }
  assert.deepEqual(clientOf('10.0.0.3', stranger), {
    host: 'middle.internal',
    scheme: 'http',
    address: '11.0.0.2',
  })
})

test('of several hops, proxies that pass a value on without adding leave the outermost one', () => {
  const chain = {
    'x-forwarded-for': '198.51.100.9,10.0.0.2 , 192.0.2.7',
    'x-forwarded-host': 'ads.example',
    'x-forwarded-proto': 'https, http',
  }
  assert.deepEqual(clientOf('10.0.0.3', chain), {
    host: 'ads.example',
    scheme: 'https',
    address: '198.51.100.9',
  })
})

test('of several hops that are all trusted the client is the first', () => {
  const inside = { 'x-forwarded-for': '10.0.0.9, 10.0.0.2', 'x-forwarded-host': 'ads.example' }
  assert.deepEqual(clientOf('10.0.0.3', inside), {
    host: 'ads.example',
    scheme: undefined,
    address: '10.0.0.9',
  })
})

test('of several hops, an address that is none ends the way back', () => {
  const broken = { 'x-forwarded-for': '203.0.113.66, unknown, 10.0.0.2' }
  assert.equal(clientOf('10.0.0.3', broken).address, '10.0.0.2')
})

// The examples of section 4, with our names.
for (const [forwarded, expected] of [
  ['for="_gazonk"', { host: 'inside:8088', scheme: undefined, address: '10.0.0.1' }],
  [
    'For="[2001:db8:cafe::17]:4711"',
    { host: 'inside:8088', scheme: undefined, address: '2001:db8:cafe::17' },
  ],
  [
    'for=192.0.2.60;proto=http;by=203.0.113.43;Host=ads.example',
    { host: 'ads.example', scheme: 'http', address: '192.0.2.60' },
  ],
  [
    'for=192.0.2.43, for=198.51.100.17',
    { host: 'inside:8088', scheme: undefined, address: '198.51.100.17' },
  ],
  [
    'for=198.51.100.9;host="ads.example:8443";PROTO=https, ' +
      'for=10.0.0.2;host=middle.internal;proto=http',
    { host: 'ads.example:8443', scheme: 'https', address: '198.51.100.9' },
  ],
  // What the client made up stands left of what the proxy says of it.
  [
    'for=10.0.0.9;host=evil.example, for=198.51.100.9;proto=https',
    { host: 'inside:8088', scheme: 'https', address: '198.51.100.9' },
  ],
  [
    'for="a,b;host=evil.example";host=ads.example',
    { host: 'ads.example', scheme: undefined, address: '10.0.0.1' },
  ],
  ['host="ad\\s.example"', { host: 'ads.example', scheme: undefined, address: '10.0.0.1' }],
  ['nonsense, ;;=,"', { host: 'inside:8088', scheme: undefined, address: '10.0.0.1' }],
] as const) {
  test(`Forwarded: ${forwarded}`, () =>
    assert.deepEqual(clientOf('10.0.0.1', { forwarded }), expected))
}

test('Forwarded (RFC 7239) with a quote that is not closed is not read', () => {
  const forwarded = 'for=198.51.100.9;host=ads.example, for="x'
  assert.equal(clientOf('10.0.0.1', { forwarded }).host, 'inside:8088')
})

test('Forwarded counts after X-Forwarded-…: a proxy setting those might let it through', () => {
  const both = { ...FORWARDED, forwarded: 'for=203.0.113.66;host=evil.example;proto=http' }
  assert.deepEqual(clientOf('10.0.0.1', both), {
    host: 'ads.example',
    scheme: 'https',
    address: '198.51.100.9',
  })
})

const signIn = async (harness: Harness, headers: Readonly<Record<string, string>>) => {
  const reply = await fetch(`${harness.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'x-api-key': READ, ...headers },
  })
  return { status: reply.status, cookie: reply.headers.getSetCookie()[0] ?? '' }
}
const PAGE = { origin: 'https://ads.example' }
const LISTS = { 'x-forwarded-host': 'ads.example', 'x-forwarded-proto': 'https' }
const ELEMENT = { forwarded: 'for=198.51.100.9;host=ads.example;proto=https' }

test('signing in through a proxy that rewrites Host fails while nobody vouches for the name', () =>
  on(KEYED, async (harness) => {
    for (const said of [{}, LISTS, ELEMENT]) {
      assert.equal((await signIn(harness, { ...PAGE, ...said })).status, 403)
    }
  }))

test('signing in through a proxy that rewrites Host works by what a trusted proxy says', () =>
  on({ ...KEYED, trustedProxies: [LOOPBACK] }, async (harness) => {
    for (const said of [LISTS, ELEMENT]) {
      const { status, cookie } = await signIn(harness, { ...PAGE, ...said })
      assert.equal(status, 204)
      assert.match(cookie, /; Path=\/; Max-Age=2592000; Secure$/)
      const other = await signIn(harness, { origin: 'https://evil.example', ...said })
      assert.equal(other.status, 403)
      assert.equal((await signIn(harness, { origin: 'null', ...said })).status, 403)
    }
    const port = { origin: 'https://ads.example:8443', 'x-forwarded-host': 'ads.example:8443' }
    assert.equal((await signIn(harness, port)).status, 204)
    assert.equal((await signIn(harness, { ...port, ...PAGE })).status, 403)
  }))

test("publicUrl makes sign-in work, whatever a proxy says or omits; its path is the cookie's", () =>
  on({ ...KEYED, publicUrl: 'https://ads.example/a/b' }, async (harness) => {
    for (const said of [{}, LISTS, { 'x-forwarded-host': 'other.example' }]) {
      const { status, cookie } = await signIn(harness, { ...PAGE, ...said })
      assert.equal(status, 204)
      assert.match(cookie, /; Path=\/a\/b\/; Max-Age=2592000; Secure$/)
    }
    const elsewhere = { origin: 'https://ads.example:8443' }
    assert.equal((await signIn(harness, elsewhere)).status, 403)
    // Whoever comes without the proxy is not bound to its path.
    const direct = await signIn(harness, { origin: harness.url })
    assert.match(direct.cookie, /; Path=\/; Max-Age=2592000$/)
  }))

test('without keys a proxy opens no other names: the Host rule looks at the Host itself', () =>
  on({ trustedProxies: [LOOPBACK], publicUrl: 'https://ads.example' }, async (harness) => {
    const status = await statusAs(harness.port, [
      'Host: evil.example',
      'X-Forwarded-Host: localhost',
    ])
    assert.equal(status, 403)
  }))

async function statusAs(port: number, headers: readonly string[]): Promise<number | undefined> {
  const raw = openRaw(port)
  raw.send(`GET /v1/status HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  return statusesOf(await raw.end)[0]
}
