/**
 * The settings of campaign-metrics.yaml, each with its description, default and check. The
 * documentation (docs/configuration.md) is generated from this list, in this order.
 */

import type { z } from 'zod'
import { WEEKDAYS } from '../dashboard-definition.ts'
import {
  BOTS,
  CORS,
  KEYS,
  type KeySettings,
  PAGE,
  type PageSettings,
  PROXY,
  type ProxySettings,
  PUBLIC_URL,
  REDIRECTS,
} from './access-fields.ts'
import type { ListenAddress } from './address.ts'
import type { SupersetConfig } from './config.ts'
import { field, group } from './field.ts'
import {
  CATALOG,
  type FolderPlace,
  type KafkaPlace,
  LOG,
  type PostgresqlPlace,
  type S3Place,
  type SqlitePlace,
  WAREHOUSE,
} from './places.ts'
import {
  readChoice,
  readCurrency,
  readDuration,
  readListen,
  readPath,
  readSize,
  readTimezone,
  readWindow,
} from './readers.ts'
import {
  FLINK,
  type FlinkSettings,
  KAFKA,
  type KafkaSettings,
  S3,
  type S3Settings,
  SUPERSET,
  TRINO,
  type TrinoSettings,
} from './services.ts'

/**
 * The settings as they stand in the file; durations are milliseconds, sizes bytes, paths still
 * relative.
 */
export type Settings = Readonly<{
  listen: ListenAddress
  log: FolderPlace | KafkaPlace
  kafka: KafkaSettings
  warehouse: FolderPlace | S3Place
  s3: S3Settings
  catalog: SqlitePlace | PostgresqlPlace
  rejected: string
  engine: 'embedded' | 'flink'
  flink: FlinkSettings
  trino: TrinoSettings
  superset: SupersetConfig
  window: number
  timezone: string
  weekStart: WeekStart
  currency: string
  campaignNames: string
  commitInterval: number
  dedupe: Readonly<{ horizon: number; memoryMax: number }>
  keys: KeySettings
  page: PageSettings
  bots: 'reject' | 'accept'
  cors: readonly string[]
  redirects: readonly string[]
  publicUrl: string
  proxy: ProxySettings
  retention: Readonly<{ events: number; metrics: number; readers: number; readersMax: number }>
  logRetention: Readonly<{ time: number; size: number }>
  diskReserve: number
  rejectedMax: number
  cache: Readonly<{ folder: string; size: number }>
}>

/** Empty: the reader's language says it. */
type WeekStart = '' | (typeof WEEKDAYS)[number]
const WEEK_STARTS: readonly WeekStart[] = ['', ...WEEKDAYS]

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const DAY_MS = 24 * 60 * MINUTE_MS
const MIB = 2 ** 20
const GIB = 2 ** 30
const TIB = 2 ** 40

export const SETTINGS: Readonly<{ [Name in keyof Settings]: z.ZodType<Settings[Name]> }> = {
  listen: field(
    {
      description:
        'Where the collector, the API and the page listen. Anything but loopback needs keys ' +
        'under `keys`, because ' +
        'everyone who reaches the port could write and read otherwise. Port 0 takes a free one.',
      accepts: '`host:port`, such as `127.0.0.1:8088`, `0.0.0.0:8088` or `[::1]:8088`',
      initial: '127.0.0.1:8088',
    },
    readListen,
  ),
  log: LOG,
  kafka: KAFKA,
  warehouse: WAREHOUSE,
  s3: S3,
  catalog: CATALOG,
  rejected: field(
    {
      description:
        'The folder for rejected events. Without one it is `rejected` in the folder of the ' +
        'tables, or `./data/rejected` where they are on S3.',
      accepts: 'the path of a folder (relative to this file)',
      initial: '',
    },
    (value) => (value === '' ? '' : readPath(value)),
  ),
  engine: field(
    {
      description:
        'What takes events from the log and fills the tables: this process, or a job on Flink ' +
        '(which needs Kafka, S3, PostgreSQL and Trino).',
      accepts: '`embedded` or `flink`',
      initial: 'embedded',
    },
    (value) => readChoice(value, ['embedded', 'flink']),
  ),
  flink: FLINK,
  trino: TRINO,
  superset: SUPERSET,
  window: field(
    {
      description:
        'The size of a window, counted from midnight UTC. It is fixed once the tables have rows.',
      accepts: 'a duration from `1s` to `1d` that divides a day, such as `1m`, `5m`, `15m` or `1h`',
      initial: '5m',
    },
    readWindow,
  ),
  timezone: field(
    {
      description:
        'The zone in which the page and the commands show times, and in which days begin unless ' +
        'a reader of the page chooses another. Its offset must be a multiple of `window`. The ' +
        'tables are always in UTC.',
      accepts: 'the name of a time zone, such as `UTC` or `Europe/Berlin`',
      initial: 'UTC',
    },
    readTimezone,
  ),
  weekStart: field(
    {
      description:
        'The day with which the weeks of the page begin. Empty follows the language of each ' +
        'reader (and is Monday for the API).',
      accepts: 'a day from `monday` to `sunday`',
      initial: '',
    },
    (value) => readChoice(value, WEEK_STARTS),
  ),
  currency: field(
    {
      description:
        'The currency of `revenue`, for the page, its CSV and Superset. The events carry none: ' +
        'all revenue is in this one. Empty shows plain numbers.',
      accepts: 'a code of ISO 4217, such as `EUR` or `USD`',
      initial: '',
    },
    readCurrency,
  ),
  campaignNames: field(
    {
      description:
        'A CSV file with the names of campaigns, for the page and its CSV: columns `campaign_id` ' +
        'and `name`, in UTF-8, separated by commas, semicolons or tabs. It is read again when it ' +
        'changes; one that cannot be used is reported, and the names read before stay.',
      accepts: 'the path of a file (relative to this file), of 16 MiB at most',
      initial: '',
    },
    (value) => (value === '' ? '' : readPath(value)),
  ),
  commitInterval: field(
    {
      description:
        'How often events go from the log into the tables: the freshness of the numbers. Many ' +
        'events at once are committed earlier.',
      accepts: 'a duration from `100ms` to `5m`',
      initial: '1s',
    },
    (value) => readDuration(value, 100, 5 * MINUTE_MS),
  ),
  dedupe: group<Settings['dedupe']>('Repeats of an `event_id` are counted once.', {
    horizon: field(
      {
        description:
          'How long after an event a repeat of it is recognised for certain. Past twice this ' +
          'time it counts as new.',
        accepts: 'a duration from `1s` to `7d`',
        initial: '1h',
      },
      (value) => readDuration(value, SECOND_MS, 7 * DAY_MS),
    ),
    memoryMax: field(
      {
        description:
          'The memory for event ids, about 24 bytes each. When it does not last for the horizon, ' +
          'the horizon gets shorter, and `status` says so.',
        accepts: 'a size from `1MiB` to `64GiB`',
        initial: '1GiB',
      },
      (value) => readSize(value, MIB, 64 * GIB),
    ),
  }),
  keys: KEYS,
  page: PAGE,
  bots: BOTS,
  cors: CORS,
  redirects: REDIRECTS,
  publicUrl: PUBLIC_URL,
  proxy: PROXY,
  retention: group<Settings['retention']>(
    'How long rows stay in the tables (whole days are dropped, an hour or more after midnight ' +
      'UTC), and how long files stay that only readers may still need.',
    {
      events: field(
        {
          description:
            'For `campaign_events`. An older event is rejected when it arrives. Windows keep ' +
            'their metrics, but can no longer be verified.',
          accepts: 'a duration from `1d`, or `0` for ever',
          initial: 0,
        },
        (value) => readDuration(value, DAY_MS, 100_000 * DAY_MS, { zero: true }),
      ),
      metrics: field(
        {
          description: 'For `campaign_metrics`. An older event is rejected as well.',
          accepts: 'a duration from `1d`, or `0` for ever',
          initial: 0,
        },
        (value) => readDuration(value, DAY_MS, 100_000 * DAY_MS, { zero: true }),
      ),
      readers: field(
        {
          description:
            'How long files of expired snapshots and old metadata files stay: a reader that has ' +
            'loaded a table can go on reading it for so long.',
          accepts: 'a duration from `1s` to `7d`, or `0` to remove them at once',
          initial: '1h',
        },
        (value) => readDuration(value, SECOND_MS, 7 * DAY_MS, { zero: true }),
      ),
      readersMax: field(
        {
          description:
            'What these files may take. Past it, and when free disk space comes near ' +
            '`diskReserve`, the oldest go earlier, and `status` says so.',
          accepts: 'a size from `1MiB` to `64TiB`',
          initial: '4GiB',
        },
        (value) => readSize(value, MIB, 64 * TIB),
      ),
    },
  ),
  logRetention: group<Settings['logRetention']>(
    'The log keeps events for a while after they are in the tables.',
    {
      time: field(
        {
          description:
            'For how long; 0 gives a segment back as soon as its events are in the tables, and ' +
            'the same few segments are written again and again.',
          accepts: 'a duration from `0` to `30d`',
          initial: '0s',
        },
        (value) => readDuration(value, 0, 30 * DAY_MS),
      ),
      size: field(
        {
          description:
            'The disk space of the log. Kept events go first; when it is full of events that are ' +
            'not in the tables yet, new ones are refused with 503.',
          accepts: 'a size from `256MiB` to `64TiB`',
          initial: '8GiB',
        },
        (value) => readSize(value, 256 * MIB, 64 * TIB),
      ),
    },
  ),
  diskReserve: field(
    {
      description:
        'Free disk space below which new events are refused with 503, before the disk is full.',
      accepts: 'a size from `0` to `64TiB`',
      initial: '1GiB',
    },
    (value) => readSize(value, 0, 64 * TIB),
  ),
  rejectedMax: field(
    {
      description:
        'The disk space for rejected events, a quarter of it for those of bots. Past it they are ' +
        'only counted, and `status` says so.',
      accepts: 'a size from `0` to `64TiB`',
      initial: '256MiB',
    },
    (value) => readSize(value, 0, 64 * TIB),
  ),
  cache: group<Settings['cache']>(
    'Files that are made again when they are missing: sums of raw files, with which the dashboard ' +
      'filters, and where the tables are on S3, copies of their data files for what reads them here.',
    {
      folder: field(
        {
          description: 'Their folder. It may be removed while nothing runs.',
          accepts: 'the path of a folder (relative to this file)',
          initial: './data/cache',
        },
        readPath,
      ),
      size: field(
        {
          description:
            'What the copies may take; those longest unused go first. The sums may take a quarter ' +
            'of it besides; those of the earliest days go first.',
          accepts: 'a size from `256MiB` to `64TiB`',
          initial: '8GiB',
        },
        (value) => readSize(value, 256 * MIB, 64 * TIB),
      ),
    },
  ),
}
