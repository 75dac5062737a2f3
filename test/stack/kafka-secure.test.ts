/**
 * TLS and SASL against a broker that asks for both; and what is said where one of them is wrong.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type KafkaPlace, setUpTopic } from '../../src/log.ts'
import { eventLines } from '../support/events.ts'
import { openLogAt, readBack } from './kafka/broker.ts'
import { openSecureBroker, PASSWORD, type SecureBroker, USER } from './kafka/secure-broker.ts'

let folder = ''
let broker: SecureBroker

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kafka-secure-'))
  broker = await openSecureBroker(folder)
})

after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

type Mechanism = NonNullable<KafkaPlace['sasl']>['mechanism']

function placeFor(mechanism: Mechanism, more: Partial<KafkaPlace> = {}): KafkaPlace {
  return {
    kind: 'kafka',
    brokers: [broker.address],
    topic: `secure-${mechanism}`,
    partitions: 2,
    replication: 1,
    tls: { caFile: broker.caFile, certFile: null, keyFile: null },
    sasl: { mechanism, username: USER, password: PASSWORD },
    ...more,
  }
}

for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
  test(`events go in and out over TLS with ${mechanism}`, async () => {
    const place = placeFor(mechanism)
    await setUpTopic(place, 'make')
    const log = await openLogAt(place)
    const lines = eventLines(mechanism, 500)
    await log.append(Buffer.from(`${lines.join('\n')}\n`), lines.length, log.stampUs())
    await log.close()
    const back = await readBack(place)
    assert.deepEqual(back.lines.map(({ text }) => text).sort(), lines.toSorted())
  })
}

test('a wrong password is told as such, and where to look', async () => {
  const sasl = { mechanism: 'SCRAM-SHA-512', username: USER, password: 'wrong' } as const
  await assert.rejects(openLogAt(placeFor('SCRAM-SHA-512', { sasl })), {
    code: 'denied',
    message: /authentication failed.*`sasl`/is,
  })
})

test('an authority that is not trusted, and TLS that is missing, are told as such', async () => {
  const tls = { caFile: null, certFile: null, keyFile: null }
  await assert.rejects(openLogAt(placeFor('PLAIN', { tls })), {
    code: 'denied',
    message: /`tls`.*certificates/s,
  })
  await assert.rejects(openLogAt(placeFor('PLAIN', { tls: null, sasl: null })), {
    code: 'denied',
    message: /requires TLS.*`tls`/s,
  })
  const caFile = join(folder, 'missing.pem')
  await assert.rejects(openLogAt(placeFor('PLAIN', { tls: { ...tls, caFile } })), {
    code: 'denied',
    message: /missing\.pem/,
  })
})
