/**
 * Connections to single brokers, one a broker: TLS and SASL as the place says, in versions of the
 * protocol that the broker speaks.
 */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { apiVersionsV3, Connection, type ConnectionOptions } from '@platformatic/kafka'
import { reasonOf } from '../../runtime.ts'
import { LogError } from '../error.ts'
import type { KafkaPlace } from '../event-log.ts'

const CLIENT_ID = 'campaign-metrics'
const CONNECT_TIMEOUT_MS = 3_000
/** Longer than the broker may take for any answer. */
const REQUEST_TIMEOUT_MS = 10_000
/** A writer has one request in flight, a reader one; the rest ask for offsets. */
const REQUESTS_MAX = 8

export type BrokerAddress = Readonly<{ host: string; port: number }>

export type Connections = Readonly<{
  to(address: BrokerAddress): Promise<Connection>
  close(): Promise<void>
}>

export async function openConnections(place: KafkaPlace): Promise<Connections> {
  const options = await connectionOptions(place)
  const connections = new Map<string, Promise<Connection>>()

  async function connect(name: string, { host, port }: BrokerAddress): Promise<Connection> {
    const sni = options.tls !== undefined && isIP(host) === 0 ? { tlsServerName: host } : {}
    const connection = new Connection(CLIENT_ID, { ...options, ...sni })
    const forget = () => {
      connections.delete(name)
    }
    // The caller of `connect` gets the failure; without a listener it would end the process.
    connection.on('error', forget)
    connection.on('close', forget)
    await connection.connect(host, port)
    await requireVersions(connection, name)
    return connection
  }

  return {
    async to(address) {
      const name = `${address.host}:${address.port}`
      const known = await connections.get(name)
      if (known?.isConnected()) return known
      const opening = connect(name, address)
      connections.set(name, opening)
      try {
        return await opening
      } catch (error) {
        connections.delete(name)
        throw error
      }
    },
    async close() {
      const open = await Promise.allSettled(connections.values())
      connections.clear()
      for (const one of open) if (one.status === 'fulfilled') await one.value.close()
    },
  }
}

/** Of `host:port`, where the host may be an IPv6 address in brackets. */
export function brokerAddress(broker: string): BrokerAddress {
  const at = broker.lastIndexOf(':')
  return { host: broker.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(broker.slice(at + 1)) }
}

async function connectionOptions({ tls, sasl }: KafkaPlace): Promise<ConnectionOptions> {
  const common: ConnectionOptions = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxInflights: REQUESTS_MAX,
    ...(sasl === null ? {} : { sasl }),
  }
  if (tls === null) return common
  const files = { ca: tls.caFile, cert: tls.certFile, key: tls.keyFile }
  const options: Record<string, Buffer> = {}
  for (const [name, path] of Object.entries(files)) {
    if (path !== null) options[name] = await readTlsFile(path)
  }
  return { ...common, tls: options }
}

async function readTlsFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const what = `a file of \`tls\` cannot be read: ${reasonOf(cause)}`
    const todo = 'Correct its path in the configuration.'
    throw new LogError('denied', { what, todo, path }, cause)
  }
}

/**
 * The versions of Kafka's protocol that are spoken here, by its keys: those of Kafka 3.1, which
 * newer brokers and others still speak. Topic ids came with Metadata 10 and Fetch 13.
 */
export const VERSIONS = {
  produce: { key: 0, version: 9 },
  fetch: { key: 1, version: 13 },
  listOffsets: { key: 2, version: 7 },
  metadata: { key: 3, version: 12 },
  offsetFetch: { key: 9, version: 8 },
  findCoordinator: { key: 10, version: 4 },
  createTopics: { key: 19, version: 7 },
  initProducerId: { key: 22, version: 4 },
  describeConfigs: { key: 32, version: 4 },
} as const

/** Throws `unsupported` when the broker does not speak them. */
async function requireVersions(connection: Connection, broker: string): Promise<void> {
  const { apiKeys } = await apiVersionsV3.api.async(connection, CLIENT_ID, '1')
  for (const [name, { key, version }] of Object.entries(VERSIONS)) {
    const spoken = apiKeys.find(({ apiKey }) => apiKey === key)
    if (spoken !== undefined && spoken.minVersion <= version && version <= spoken.maxVersion) {
      continue
    }
    const what = `the broker ${broker} does not speak version ${version} of ${name}`
    const todo = 'Kafka 3.1 or newer is needed.'
    throw new LogError('unsupported', { what, todo, broker, api: name, version })
  }
}
