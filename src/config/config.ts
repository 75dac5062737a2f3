/** The configuration as the program sees it: read-only, every field present, units in the names, paths absolute. */

export const DEFAULT_CONFIG_FILE = 'campaign-metrics.yaml'

export type Config = Readonly<{
  /** The file it was read from; null when there was none and all is default. */
  file: string | null
  /** Port 0 lets the system choose a free one. */
  listen: Readonly<{ host: string; port: number }>
  logDirectory: string
  warehousePath: string
  /** Where rejected events are kept: a folder beside the tables' folders, in the warehouse. */
  rejectedDirectory: string
  catalogPath: string
  /** Size of a window; divides a day. */
  windowUs: number
  /** IANA name of the zone that the page and the command line show times in. */
  timezone: string
  commitIntervalMs: number
  dedupe: Readonly<{ horizonMs: number; memoryMaxBytes: number }>
  /** Accepted keys; none means that no key is asked for (on loopback only). */
  keys: Readonly<{ write: readonly string[]; read: readonly string[] }>
  /** Origins, such as `https://shop.example`, whose pages may send events; `*` is every origin. */
  cors: readonly string[]
  /** How long rows are kept; 0 is for ever. */
  retention: Readonly<{ eventsMs: number; metricsMs: number }>
  /** What the log keeps of events that are in the tables already, and its limit in all. */
  logRetention: Readonly<{ timeMs: number; sizeBytes: number }>
  /** Free space on the disk below which events are refused with 503. */
  diskReserveBytes: number
  rejectedMaxBytes: number
}>
