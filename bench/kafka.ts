/**
 * Kafka as the log, on services of this machine: what filling the tables from a backlog takes, and
 * how long an append waits.
 *
 *   backlog   a topic is filled, then the product starts on it: events a second until both tables
 *             hold everything, and CPU by thread
 *   ack       open loop at a rate: request -> acks=all -> answer
 *
 * usage: node bench/kafka.ts [--events 2000000] [--rate 10000] [--seconds 20] [--seed 1]
 *          [--partitions 4] [--warehouse s3|folder]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type KafkaPlace, setUpTopic } from '../src/log.ts'
import { openLakeServices } from '../test/stack/support/lake-services.ts'
import { readStatus } from '../test/support/client.ts'
import { openFolder } from '../test/support/folder.ts'
import { startProduct } from '../test/support/product.ts'
import { runLoad } from './support/children.ts'
import { fillTopic, ROUND_EVENTS } from './support/fill-topic.ts'
import { describeMachine, readBusySeconds, readThreads } from './support/machine.ts'

const PACED_EVENTS = 50

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    partitions: { type: 'string', default: '4' },
    warehouse: { type: 'string', default: 's3' },
  },
})
const events = Math.ceil(Number(values.events) / ROUND_EVENTS) * ROUND_EVENTS
const seed = Number(values.seed)
const onS3 = values.warehouse === 's3'

const services = await openLakeServices(['kafka'])
try {
  console.log(`machine   ${describeMachine()}`)
  await backlog()
  await acknowledgement()
} finally {
  await services.close()
}

async function backlog(): Promise<void> {
  const place = await topic('backlog')
  const appendsMs = await fillTopic(place, events, seed)
  console.log(`fill      ${perSecond(events, appendsMs)} events/s acknowledged by the broker`)
  const { close, product } = await start(place)
  const startMs = performance.now()
  const busy = readBusySeconds()
  while ((await readStatus(product.url)).ledger.stored < events) await sleep(50)
  const elapsedMs = performance.now() - startMs
  console.log(`backlog   ${perSecond(events, elapsedMs)} events/s into both tables, goal 300,000`)
  console.log(`          ${cpuText(readBusySeconds() - busy)} of CPU an event, the machine in all`)
  for (const [name, seconds] of [...readThreads(product.pid)].sort((a, b) => b[1] - a[1])) {
    if (seconds > 0.1) console.log(`          ${cpuText(seconds).padStart(8)}  ${name}`)
  }
  await close()
}

async function acknowledgement(): Promise<void> {
  const { close, product } = await start(await topic('ack'))
  const rate = Number(values.rate)
  const shape = { url: product.url, seed, eventsPerBody: PACED_EVENTS, connections: 16, rate }
  // The first requests of a process compile its code.
  await runLoad({ ...shape, seed: seed + 1, events: rate * 3 })
  const { latencyMs, refused } = await runLoad({ ...shape, events: rate * Number(values.seconds) })
  console.log(`ack       at ${rate} events/s, goal p99 < 50 ms:`, latencyMs, `refused ${refused}`)
  await close()
}

async function topic(name: string): Promise<KafkaPlace> {
  const place: KafkaPlace = {
    kind: 'kafka',
    brokers: [services.stack.address('kafka')],
    topic: name,
    partitions: Number(values.partitions),
    replication: 1,
    tls: null,
    sasl: null,
  }
  await setUpTopic(place, 'make')
  return place
}

async function start(place: KafkaPlace) {
  const { warehouse, catalog } = await services.places()
  const { database, password, port, user } = catalog
  const home = await openFolder({
    log: `kafka://${place.brokers[0]}/${place.topic}`,
    commitInterval: '1s',
    ...(onS3
      ? {
          warehouse: warehouse.location,
          s3: { endpoint: warehouse.endpoint, region: warehouse.region, pathStyle: true },
          catalog: `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`,
        }
      : {}),
  })
  const product = await startProduct(home, { environment: services.credentials })
  return {
    product,
    async close() {
      await product.stop()
      await home.close()
    },
  }
}

function perSecond(count: number, ms: number): string {
  return Math.round((count * 1000) / ms).toLocaleString('en')
}

/** Of one event. */
function cpuText(seconds: number): string {
  return `${((seconds * 1e6) / events).toFixed(2)} µs`
}
