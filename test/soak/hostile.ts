/**
 * Clients as a collector meets them in the world, each with the answer that is right. What one
 * leaves open it closes itself after a while, as real ones do.
 */
import { strict as assert } from 'node:assert'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type Accepted, post } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import type { Random } from '../support/random.ts'

/** One visit; throws when an answer is wrong. Answers how many events were accepted. */
export type Hostile = Readonly<{
  name: string
  visit: (url: string, random: Random, tag: string) => Promise<number>
}>

const HELD_MS = 20_000
const IDLE_CONNECTIONS = 300
const NEVER_READING = 20
const DAY_MS = 86_400_000
const BOM = Buffer.from([0xef, 0xbb, 0xbf])

export const HOSTILE: readonly Hostile[] = [
  {
    name: 'chunks of one byte',
    async visit(url, _random, tag) {
      const body = Buffer.from(`${eventLines(tag, 2_000).join('\n')}\n`)
      const socket = await open(url)
      socket.write(head(url, 'application/x-ndjson', 'Transfer-Encoding: chunked'))
      for (let at = 0; at < body.length; at += 16_384) {
        const some = [...body.subarray(at, at + 16_384)]
        socket.write(
          Buffer.concat(
            some.map((byte) => Buffer.from(`1\r\n${String.fromCharCode(byte)}\r\n`, 'latin1')),
          ),
        )
      }
      socket.write('0\r\n\r\n')
      return acceptedIn(await firstAnswer(socket), 2_000)
    },
  },
  {
    name: 'a body over hundreds of days',
    async visit(url, random, tag) {
      const lines = Array.from({ length: 200 }, (_, at) =>
        eventLine({
          event_id: `${tag}-${at}`,
          timestamp: new Date(Date.now() - (1 + random.below(300)) * DAY_MS).toISOString(),
        }),
      )
      return accepted(await post(url, lines.join('\n')), 200)
    },
  },
  {
    name: 'readers that never read',
    async visit(url) {
      const sockets = await Promise.all(Array.from({ length: NEVER_READING }, () => open(url)))
      for (const socket of sockets) {
        socket.pause()
        socket.write(
          `GET /api/v1/campaigns.csv?range=24h HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`,
        )
      }
      await sleep(HELD_MS)
      for (const socket of sockets) socket.destroy()
      return 0
    },
  },
  {
    name: 'idle connections',
    async visit(url) {
      const sockets = await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, () => open(url)))
      await sleep(HELD_MS)
      for (const socket of sockets) socket.destroy()
      return 0
    },
  },
  {
    name: 'too many events in a body',
    async visit(url) {
      const answer = await post(url, `${'{}\n'.repeat(400_001)}`)
      assert.equal(answer.status, 413, answer.text)
      assert.match(answer.text, /may hold 200,000 events/)
      return 0
    },
  },
  {
    name: 'a target in absolute form',
    async visit(url, _random, tag) {
      const body = eventLine({ event_id: tag })
      const socket = await open(url)
      const line = `POST ${url}/v1/events HTTP/1.1`
      socket.write(head(url, 'application/json', `Content-Length: ${body.length}`, line) + body)
      return acceptedIn(await firstAnswer(socket), 1)
    },
  },
  {
    name: "a proxy's credentials",
    async visit(url, _random, tag) {
      const headers = { authorization: 'Basic dXNlcjpwYXNz' }
      return accepted(await post(url, eventLine({ event_id: tag }), { headers }), 1)
    },
  },
  {
    name: 'lines sent as application/json',
    async visit(url, _random, tag) {
      const body = eventLines(tag, 200).join('\n')
      const answer = await post(url, body, { type: 'application/json' })
      if (answer.status === 400) return 0
      return accepted(answer, 200)
    },
  },
  {
    name: 'a byte order mark',
    async visit(url, _random, tag) {
      const body = Buffer.concat([BOM, Buffer.from(eventLines(tag, 3).join('\n'))])
      return accepted(await post(url, body), 3)
    },
  },
  {
    name: 'joined compressed bodies',
    async visit(url, random, tag) {
      const [encoding, compress] = random.chance(0.5)
        ? (['zstd', zstdCompressSync] as const)
        : (['gzip', gzipSync] as const)
      const parts = ['a', 'b'].map((part) => `${eventLines(`${tag}-${part}`, 5).join('\n')}\n`)
      const body = Buffer.concat(parts.map((part) => compress(part)))
      return accepted(await post(url, body, { encoding }), 10)
    },
  },
  {
    name: 'a body that is cut off',
    async visit(url) {
      const body = gzipSync('x'.repeat(10_000)).subarray(0, 30)
      assert.equal((await post(url, body, { encoding: 'gzip' })).status, 400)
      return 0
    },
  },
]

function accepted(
  { status, text }: Readonly<{ status: number; text: string }>,
  count: number,
): number {
  assert.equal(status, 200, text)
  assert.deepEqual(JSON.parse(text) as Accepted, { accepted: count, rejected: [] })
  return count
}

function acceptedIn(answer: string, count: number): number {
  assert.match(answer, /^HTTP\/1\.1 200 /)
  return accepted({ status: 200, text: answer.slice(answer.indexOf('\r\n\r\n') + 4) }, count)
}

function head(url: string, type: string, more: string, line = 'POST /v1/events HTTP/1.1'): string {
  return (
    `${line}\r\nHost: ${new URL(url).host}\r\nContent-Type: ${type}\r\nConnection: ` +
    `close\r\n${more}\r\n\r\n`
  )
}

function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Of a connection that the server closes after it. */
async function firstAnswer(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
