/**
 * How texts written for the containers' network read natively; expected lines are written by hand.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAddressBook } from '../../deploy/stack/address-book.ts'
import type { ComposeService } from '../../deploy/stack/compose-file.ts'

function service(name: string, ...expose: number[]): [string, ComposeService] {
  return [name, { name, environment: {}, command: [], mounts: [], expose, stopSignal: 'SIGTERM' }]
}

const services = new Map([service('kafka', 9092, 9093), service('jobmanager', 8081)])
const book = openAddressBook({ services, values: {} }, 20_000)

test('ports are counted in the order in which they are exposed', () => {
  assert.equal(book.address('kafka'), '127.0.0.1:20000')
  assert.equal(book.address('kafka', 9093), '127.0.0.1:20001')
  assert.equal(book.address('jobmanager'), '127.0.0.1:20002')
  assert.throws(() => book.address('kafka', 8081), /exposes no port 8081/)
  assert.throws(() => book.address('zookeeper'), /exposes no port/)
})

test('hosts and ports are rewritten where they are an address, and nowhere else', () => {
  for (const [before, after] of [
    [
      'listeners=PLAINTEXT://kafka:9092,CONTROLLER://kafka:9093',
      'listeners=PLAINTEXT://127.0.0.1:20000,CONTROLLER://127.0.0.1:20001',
    ],
    ['controller.quorum.voters=1@kafka:9093', 'controller.quorum.voters=1@127.0.0.1:20001'],
    ['log: kafka://kafka:9092/campaign_events', 'log: kafka://127.0.0.1:20000/campaign_events'],
    ['rest.address: jobmanager', 'rest.address: 127.0.0.1'],
    ['rest.bind-address: 0.0.0.0', 'rest.bind-address: 127.0.0.1'],
    ['rest.port: 8081', 'rest.port: 20002'],
    ['node.bind-ip=0.0.0.0', 'node.bind-ip=127.0.0.1'],
    ['PGHOST=jobmanager', 'PGHOST=127.0.0.1'],
    ['--bind=0.0.0.0:8081', '--bind=127.0.0.1:20002'],
    ['"uri": "http://jobmanager:8081/x"', '"uri": "http://127.0.0.1:20002/x"'],
    ['log.dirs=/var/lib/kafka/data', 'log.dirs=/var/lib/kafka/data'],
    ['engine: kafka', 'engine: kafka'],
    ['message.max.bytes=8081', 'message.max.bytes=8081'],
    ['http://other-kafka:9092', 'http://other-kafka:9092'],
    ['kafka:9999', 'kafka:9999'],
  ] as const)
    assert.equal(book.rewrite(before), after)
  assert.equal(
    book.rewrite('rest.port: 8081\nrest.address: jobmanager\n'),
    'rest.port: 20002\nrest.address: 127.0.0.1\n',
  )
})

test('a port that two services expose is refused: it alone must say whose it is', () => {
  const twice = new Map([service('kafka', 9092), service('other', 9092)])
  assert.throws(
    () => openAddressBook({ services: twice, values: {} }, 20_000),
    /exposes a port twice/,
  )
})
