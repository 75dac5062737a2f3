/** Connections to single brokers: TLS and SASL as the place says, one connection a broker. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { Connection, type ConnectionOptions } from '@platformatic/kafka'
import { LogError } from '../error.ts'
import type { KafkaPlace } from '../place.ts'
import { requireVersions } from './versions.ts'

const CLIENT_ID = 'campaign-metrics'
const CONNECT_TIMEOUT_MS = 3_000
/** Longer than the broker may take for any answer. */
const REQUEST_TIMEOUT_MS = 10_000
/** A writer has one request on its way, a reader one; the rest are questions about offsets. */
const REQUESTS_MAX = 8

export type BrokerAddress = Readonly<{ host: string; port: number }>

export type Connections = Readonly<{
  to(address: BrokerAddress): Promise<Connection>
  close(): Promise<void>
}>

export async function openConnections(place: KafkaPlace): Promise<Connections> {
  const options = await connectionOptions(place)
  const held = new Map<string, Promise<Connection>>()

  async function connect(name: string, { host, port }: BrokerAddress): Promise<Connection> {
    const sni = options.tls !== undefined && isIP(host) === 0 ? { tlsServerName: host } : {}
    const connection = new Connection(CLIENT_ID, { ...options, ...sni })
    const forget = () => {
      held.delete(name)
    }
    // Whoever asked hears of the failure; without a listener it would end the process.
    connection.on('error', forget)
    connection.on('close', forget)
    await connection.connect(host, port)
    await requireVersions(connection, name)
    return connection
  }

  return {
    async to(address) {
      const name = `${address.host}:${address.port}`
      const known = await held.get(name)
      if (known?.isConnected()) return known
      const opening = connect(name, address)
      held.set(name, opening)
      try {
        return await opening
      } catch (error) {
        held.delete(name)
        throw error
      }
    },
    async close() {
      const open = await Promise.allSettled(held.values())
      held.clear()
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
  const [ca, cert, key] = await Promise.all([
    fileOrNull(tls.caFile),
    fileOrNull(tls.certFile),
    fileOrNull(tls.keyFile),
  ])
  return {
    ...common,
    tls: {
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
    },
  }
}

async function fileOrNull(path: string | null): Promise<Buffer | null> {
  if (path === null) return null
  try {
    return await readFile(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `kafka: a file of \`tls\` cannot be read: ${why}. Correct its path in the configuration.`
    throw new LogError('denied', message, { path }, cause)
  }
}
