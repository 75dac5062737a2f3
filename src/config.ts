/**
 * The configuration file, `campaign-metrics.yaml`: what may be set, its defaults, its checks and
 * its documentation. All other code takes the resolved, read-only `Config` and never reads the file
 * or the environment.
 */

export {
  type Config,
  DEFAULT_CONFIG_FILE,
  type FlinkConfig,
  type KafkaLog,
  type S3Warehouse,
  type TrinoConfig,
} from './config/config.ts'
export { configurationPage, exampleFile } from './config/documentation.ts'
export { ConfigError } from './config/error.ts'
export { missingKeys, writeKeysFile } from './config/keys-file.ts'
export { loadConfig } from './config/load.ts'
export { parseSize } from './config/quantity.ts'
export { FLINK_PARALLELISM_MAX } from './config/services.ts'
