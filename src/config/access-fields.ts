/**
 * The settings of who may reach the collector over HTTP, and by which way: keys, pages of other
 * origins, proxies.
 */

import type { z } from 'zod'
import { type AddressRange, parseAddressRange } from './address.ts'
import { field, group } from './field.ts'
import { readServiceUrl } from './places.ts'
import { readKeys, readList, readOrigins, readPath } from './readers.ts'

export type KeySettings = Readonly<{
  write: readonly string[]
  read: readonly string[]
  tables: readonly string[]
  file: string
}>
export type ProxySettings = Readonly<{ trust: readonly AddressRange[] }>

export const KEYS: z.ZodType<KeySettings> = group<KeySettings>(
  'Keys, sent as `Authorization: Bearer KEY`. With none, no key is asked for.',
  {
    write: field(
      {
        description: 'Keys that may send events, and nothing else.',
        accepts: 'a list of keys of 16 to 256 visible ASCII characters, best from the environment',
        initial: [],
        example: ['${CAMPAIGN_METRICS_WRITE_KEY}'],
      },
      readKeys,
    ),
    read: field(
      {
        description: 'Keys that may read: the page, the status, the metrics and the tables.',
        accepts: 'a list of keys of 16 to 256 visible ASCII characters, best from the environment',
        initial: [],
        example: ['${CAMPAIGN_METRICS_READ_KEY}'],
      },
      readKeys,
    ),
    tables: field(
      {
        description:
          'Keys that may read, and commit to the tables through the REST catalog. With none, ' +
          'nothing may.',
        accepts: 'a list of keys of 16 to 256 visible ASCII characters, best from the environment',
        initial: [],
        example: ['${CAMPAIGN_METRICS_TABLES_KEY}'],
      },
      readKeys,
    ),
    file: field(
      {
        description:
          'A file with more keys. `campaign-metrics setup` makes it, with a write key and a read ' +
          'key, and prints them.',
        accepts: 'the path of a file (relative to this file)',
        initial: '',
      },
      (value) => (value === '' ? '' : readPath(value)),
    ),
  },
)

export const CORS: z.ZodType<readonly string[]> = field(
  {
    description: 'Origins whose pages may send events from a browser. `*` is every origin.',
    accepts: 'a list of origins such as `https://shop.example` (no path), or `*`',
    initial: [],
    example: ['https://shop.example'],
  },
  readOrigins,
)

export const PUBLIC_URL: z.ZodType<string> = field(
  {
    description:
      'Where browsers find the page, if a proxy in front gives it another address. Sign-in from ' +
      'there works whatever the proxy says, and its cookie stays below the path.',
    accepts: 'a URL such as `https://ads.example` or `https://example.org/campaigns`',
    initial: '',
  },
  readServiceUrl,
)

export const PROXY: z.ZodType<ProxySettings> = group<ProxySettings>(
  'Proxies in front of the collector.',
  {
    trust: field(
      {
        description:
          'Their addresses. What they send in `X-Forwarded-Host`, `X-Forwarded-Proto`, ' +
          '`X-Forwarded-For` or `Forwarded` is believed; from other addresses it is ignored. ' +
          'They must set these headers, not pass on what they were sent.',
        accepts: 'a list of addresses and ranges, such as `127.0.0.1`, `10.0.0.0/8` or `fd00::/8`',
        initial: [],
      },
      (value) => readList(value, 'addresses', 'neither an address nor a range', parseAddressRange),
    ),
  },
)
