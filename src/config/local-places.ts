/** The paths of a configuration whose log needs no service. */

import type { Config } from './config.ts'
import { ConfigError } from './error.ts'

export type LocalPlaces = Readonly<{ logDirectory: string }>

/** Throws ConfigError where the log is at a service. */
export function localPlaces({ file, log }: Config): LocalPlaces {
  if (log.kind === 'folder') return { logDirectory: log.path }
  const reason = 'this version works with a log on this machine only'
  throw new ConfigError('invalid', file, [{ path: 'log', line: null, reason }])
}
