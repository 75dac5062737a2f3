/** The settings that say where log, tables and catalog are. */

import type { z } from 'zod'
import { field } from './field.ts'
import {
  type FolderPlace,
  type KafkaPlace,
  type PostgresqlPlace,
  readCatalogPlace,
  readLogPlace,
  readWarehousePlace,
  type S3Place,
  type SqlitePlace,
} from './places.ts'

export const LOG: z.ZodType<FolderPlace | KafkaPlace> = field(
  {
    description:
      'The log, where events are durable before they are acknowledged: a folder (a fast local disk is best), or a topic of Kafka.',
    accepts:
      'the path of a folder (relative to this file), or `kafka://HOST:PORT,…/TOPIC`, such as `kafka://kafka:9092/campaign_events`',
    initial: './data/log',
  },
  readLogPlace,
)

export const WAREHOUSE: z.ZodType<FolderPlace | S3Place> = field(
  {
    description: 'Where the two Iceberg tables are: a folder, or a bucket of S3.',
    accepts:
      'the path of a folder (relative to this file), or `s3://BUCKET/PREFIX`, such as `s3://lake/warehouse`',
    initial: './data/warehouse',
  },
  readWarehousePlace,
)

export const CATALOG: z.ZodType<SqlitePlace | PostgresqlPlace> = field(
  {
    description:
      'The Iceberg catalog (named `lake`, in the layout of the JDBC and SQL catalogs): a file of SQLite, or a database of ' +
      'PostgreSQL. A password that is not in the URL is taken from the environment variable `PGPASSWORD`.',
    accepts:
      'the path of a file (relative to this file), or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE`, ' +
      '`MODE` being `disable` (the default) or `require`',
    initial: './data/catalog.db',
  },
  readCatalogPlace,
)
