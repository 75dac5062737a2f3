/**
 * The configuration file and the environment with which `campaign-metrics` runs on a native stack:
 * those of the collector in compose.yaml, with the stack's own addresses and folders.
 */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stack } from './stack.ts'

const CONFIG = '/etc/campaign-metrics/campaign-metrics.yaml'

export type OwnConfiguration = Readonly<{
  config: string
  /** Lines of a shell; they hold the passwords between the services. */
  environment: string
}>

/** Writes both into the stack's folder, in place of older ones. */
export function writeConfiguration(stack: Stack, folder: string): OwnConfiguration {
  const config = join(folder, 'campaign-metrics.yaml')
  const environment = join(folder, 'environment')
  copyFileSync(stack.path('collector', CONFIG), config)
  const lines = Object.entries(stack.environment('collector')).map(
    ([name, value]) => `export ${name}=${quoted(value)}\n`,
  )
  writeFileSync(environment, lines.join(''), { mode: 0o600 })
  return { config, environment }
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`
}
