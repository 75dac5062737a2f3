/** The paths of tables that need no service. */

import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './error.ts'

export type LocalPlaces = Readonly<{
  warehousePath: string
  catalogPath: string
}>

/** Throws ConfigError where tables or catalog are at a service. */
export function localPlaces({ file, warehouse, catalog }: Config): LocalPlaces {
  if (warehouse.kind === 'folder' && catalog.kind === 'sqlite') {
    return { warehousePath: warehouse.path, catalogPath: catalog.path }
  }
  const problems = Object.entries({ warehouse, catalog }).flatMap(([path, place]) =>
    'path' in place ? [] : [remote(path)],
  )
  throw new ConfigError('invalid', file, problems)
}

function remote(path: string): ConfigProblem {
  return { path, line: null, reason: 'this version works with paths of this machine only' }
}
