/**
 * The settings of who may reach the collector over HTTP, and by which way: keys, pages of other
 * origins, proxies.
 */

import type { z } from 'zod'
import { type AddressRange, parseAddressRange } from './address.ts'
import { field, group } from './field.ts'
import { readServiceUrl } from './places.ts'
import {
  readChoice,
  readCount,
  readKeys,
  readList,
  readOrigins,
  readPath,
  readRedirects,
  readSwitch,
} from './readers.ts'

export type KeySettings = Readonly<{
  write: readonly string[]
  read: readonly string[]
  tables: readonly string[]
  page: readonly string[]
  file: string
}>
export type PageSettings = Readonly<{ conversions: boolean; keyRate: number; addressRate: number }>
export type ProxySettings = Readonly<{ trust: readonly AddressRange[] }>

const RATE_MAX = 1_000_000

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
    page: field(
      {
        description:
          'Keys for web pages, pixels and links, where everyone can read them. They may send ' +
          'impressions and clicks, within the limits of `page`, and nothing else; a POST needs ' +
          'an origin of `cors`. Without one there is no pixel and no click link.',
        accepts: 'a list of keys of 16 to 256 visible ASCII characters',
        initial: [],
        example: ['${CAMPAIGN_METRICS_PAGE_KEY}'],
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

export const PAGE: z.ZodType<PageSettings> = group<PageSettings>(
  'What a key of `keys.page` may do. Rates are mean values: what was not used in ten seconds may ' +
    'be used at once. Past them the answer is 429 with `Retry-After`.',
  {
    conversions: field(
      {
        description:
          'Whether it may send conversions. Everyone who sees the page can send them then, with ' +
          'any revenue: they belong on the server.',
        accepts: '`true` or `false`',
        initial: false,
      },
      readSwitch,
    ),
    keyRate: field(
      {
        description: 'Events a second with one key.',
        accepts: 'a whole number from 1 to 1000000, or 0 for no limit',
        initial: 10_000,
      },
      (value) => readCount(value, 0, RATE_MAX),
    ),
    addressRate: field(
      {
        description:
          'Events a second from one client address (of IPv6 a /64). Behind a proxy that ' +
          '`proxy.trust` does not name, all clients have its address.',
        accepts: 'a whole number from 1 to 1000000, or 0 for no limit',
        initial: 200,
      },
      (value) => readCount(value, 0, RATE_MAX),
    ),
  },
)

export const BOTS: z.ZodType<'reject' | 'accept'> = field(
  {
    description:
      'What becomes of events that come with a key of `keys.page` from agents known as bots: ' +
      'crawlers, monitors, image proxies of mail services, libraries. Rejected ones are kept.',
    accepts: '`reject` or `accept`',
    initial: 'reject',
  },
  (value) => readChoice(value, ['reject', 'accept']),
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

export const REDIRECTS: z.ZodType<readonly string[]> = field(
  {
    description: 'Origins that click links may lead to. With none, every one is answered 400.',
    accepts: 'a list of origins such as `https://shop.example` (no path)',
    initial: [],
    example: ['https://shop.example'],
  },
  readRedirects,
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
