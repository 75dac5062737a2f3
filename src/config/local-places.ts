/** The paths of a configuration that needs no service. */

import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './error.ts'

export type LocalPlaces = Readonly<{
  logDirectory: string
  warehousePath: string
  catalogPath: string
}>

/** Throws ConfigError where log, tables or catalog are at a service. */
export function localPlaces({ file, log, warehouse, catalog }: Config): LocalPlaces {
  if (log.kind === 'folder' && warehouse.kind === 'folder' && catalog.kind === 'sqlite') {
    return { logDirectory: log.path, warehousePath: warehouse.path, catalogPath: catalog.path }
  }
  const problems = Object.entries({ log, warehouse, catalog }).flatMap(([path, place]) =>
    'path' in place ? [] : [remote(path)],
  )
  throw new ConfigError('invalid', file, problems)
}

function remote(path: string): ConfigProblem {
  return { path, line: null, reason: 'this version works with paths of this machine only' }
}
