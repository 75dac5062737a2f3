/**
 * The engines by their names in the configuration: a new one is a room behind the contract of
 * `job`, and a line here.
 */
import type { Config } from '../config.ts'
import { EMBEDDED_ENGINE } from '../embedded.ts'
import { FLINK_ENGINE } from '../flink.ts'
import type { JobEngine } from '../job.ts'

export const ENGINES: Readonly<Record<Config['engine'], JobEngine>> = {
  embedded: EMBEDDED_ENGINE,
  flink: FLINK_ENGINE,
}
