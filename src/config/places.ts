/**
 * Where log, tables and catalog are: a path of this machine, or the URL of a service. Each setting
 * becomes one of a few shapes that the rooms take; credentials that a URL does not hold come from
 * elsewhere (see resolved.ts).
 */

import type { z } from 'zod'
import { parseListen } from './address.ts'
import { field, Refusal, shown } from './field.ts'
import { readPathOrUrl } from './readers.ts'

export type FolderPlace = Readonly<{ kind: 'folder'; path: string }>
export type KafkaPlace = Readonly<{ kind: 'kafka'; brokers: readonly string[]; topic: string }>
export type S3Place = Readonly<{ kind: 's3'; location: string }>
export type SqlitePlace = Readonly<{ kind: 'sqlite'; path: string }>
export type PostgresqlPlace = Readonly<{
  kind: 'postgresql'
  host: string
  port: number
  database: string
  user: string
  password: string | null
  tls: boolean
}>

const DEFAULT_TOPIC = 'campaign_events'
const POSTGRESQL_PORT = 5432
/** Kafka's own rule for names of topics. */
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/**
 * Excludes the characters that some readers of Iceberg take for a query, a fragment, a pattern or
 * an escape.
 */
const PREFIX = /^[\w.=/-]*$/
/**
 * Whether a connection is encrypted, by libpq's modes. `require` and the stricter modes are the
 * same here: certificates are always checked.
 */
const TLS_MODES: Readonly<Record<string, boolean>> = {
  disable: false,
  require: true,
  'verify-ca': true,
  'verify-full': true,
}

function readLogPlace(value: unknown): FolderPlace | KafkaPlace | Refusal {
  const place = readPathOrUrl(value)
  if (place instanceof Refusal) return place
  if (place.scheme === null) return { kind: 'folder', path: place.text }
  if (place.scheme === 'kafka') return kafkaPlace(place.text)
  return new Refusal(`\`${place.scheme}://\` cannot hold the log`)
}

function readWarehousePlace(value: unknown): FolderPlace | S3Place | Refusal {
  const place = readPathOrUrl(value)
  if (place instanceof Refusal) return place
  if (place.scheme === null) return { kind: 'folder', path: place.text }
  if (place.scheme === 's3') return s3Place(place.text)
  const hint = /^s3[an]$/.test(place.scheme) ? ' (write `s3://`)' : ''
  return new Refusal(`\`${place.scheme}://\` cannot hold the tables${hint}`)
}

function readCatalogPlace(value: unknown): SqlitePlace | PostgresqlPlace | Refusal {
  const place = readPathOrUrl(value)
  if (place instanceof Refusal) return place
  if (place.scheme === null) return { kind: 'sqlite', path: place.text }
  if (place.scheme === 'postgresql' || place.scheme === 'postgres')
    return postgresqlPlace(place.text)
  return new Refusal(`\`${place.scheme}://\` cannot hold the catalog`)
}

/** An `http://` or `https://` address without path, query and credentials; '' is none. */
export function readServiceUrl(value: unknown): string | Refusal {
  if (value === '') return ''
  if (typeof value !== 'string' || !URL.canParse(value)) return new Refusal('not a URL')
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') {
    return new Refusal('credentials do not belong into the URL; there are settings for them')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return new Refusal(`${shown(value)} does not begin with http:// or https://`)
  }
  if (url.search !== '' || url.hash !== '') return new Refusal(`${shown(value)} has a query`)
  return url.href.replace(/\/$/, '')
}

function kafkaPlace(text: string): KafkaPlace | Refusal {
  const [hosts = '', topic = DEFAULT_TOPIC, ...more] = text.slice('kafka://'.length).split('/')
  const brokers = hosts.split(',').map((host) => host.trim())
  const wrong = brokers.find((broker) => (parseListen(broker)?.port ?? 0) === 0)
  if (wrong !== undefined) return new Refusal(`${shown(wrong)} is not \`host:port\` of a broker`)
  const name = topic === '' ? DEFAULT_TOPIC : topic
  if (more.length > 0 || !TOPIC.test(name)) {
    return new Refusal(`${shown([topic, ...more].join('/'))} is not the name of a topic`)
  }
  return { kind: 'kafka', brokers, topic: name }
}

function s3Place(text: string): S3Place | Refusal {
  const [bucket = '', ...parts] = text.slice('s3://'.length).replace(/\/+$/, '').split('/')
  if (!BUCKET.test(bucket)) return new Refusal(`${shown(bucket)} is not the name of a bucket`)
  const prefix = parts.join('/')
  if (!PREFIX.test(prefix) || parts.some((part) => /^\.{0,2}$/.test(part))) {
    return new Refusal(`${shown(prefix)} is not a prefix that every reader of Iceberg understands`)
  }
  return { kind: 's3', location: ['s3:/', bucket, ...parts].join('/') }
}

/** The text is not shown in messages: it may hold a password. */
function postgresqlPlace(text: string): PostgresqlPlace | Refusal {
  if (!URL.canParse(text)) return new Refusal('not the URL of a PostgreSQL database')
  const url = new URL(text)
  const database = decodeURIComponent(url.pathname.slice(1))
  if (url.hostname === '' || url.username === '' || database === '' || database.includes('/')) {
    return new Refusal('a PostgreSQL URL needs a user, a host and a database')
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'sslmode')
  if (unknown !== undefined) return new Refusal(`unknown parameter ${shown(unknown)} in the URL`)
  const mode = url.searchParams.get('sslmode') ?? 'disable'
  const tls = TLS_MODES[mode]
  if (tls === undefined) {
    const known = Object.keys(TLS_MODES).join(', ')
    return new Refusal(`sslmode ${shown(mode)} is not one of ${known}`)
  }
  return {
    kind: 'postgresql',
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? POSTGRESQL_PORT : Number(url.port),
    database,
    user: decodeURIComponent(url.username),
    password: url.password === '' ? null : decodeURIComponent(url.password),
    tls,
  }
}

export const LOG: z.ZodType<FolderPlace | KafkaPlace> = field(
  {
    description:
      'The log, where events are durable before they are acknowledged: a folder (a fast local ' +
      'disk is best), or a topic of Kafka.',
    accepts:
      'the path of a folder (relative to this file), or `kafka://HOST:PORT,…/TOPIC`, such as ' +
      '`kafka://kafka:9092/campaign_events`',
    initial: './data/log',
  },
  readLogPlace,
)

export const WAREHOUSE: z.ZodType<FolderPlace | S3Place> = field(
  {
    description: 'Where the two Iceberg tables are: a folder, or a bucket of S3.',
    accepts:
      'the path of a folder (relative to this file), or `s3://BUCKET/PREFIX`, such as ' +
      '`s3://lake/warehouse`',
    initial: './data/warehouse',
  },
  readWarehousePlace,
)

export const CATALOG: z.ZodType<SqlitePlace | PostgresqlPlace> = field(
  {
    description:
      'The Iceberg catalog (named `lake`, in the layout of the JDBC and SQL catalogs): a file of ' +
      'SQLite, or a database of PostgreSQL. A password that is not in the URL is taken from the ' +
      'environment variable `PGPASSWORD`.',
    accepts:
      'the path of a file (relative to this file), or ' +
      '`postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE`, ' +
      '`MODE` being `disable` (the default) or `require`',
    initial: './data/catalog.db',
  },
  readCatalogPlace,
)
