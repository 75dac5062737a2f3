/**
 * deploy/compose.yaml as the native stack needs it, with the values of deploy/.env filled in. It
 * takes the short forms which that file keeps to, and refuses others instead of passing over them.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { parse } from 'yaml'

export const DEPLOY: string = join(import.meta.dirname, '..')

/**
 * A file or folder of deploy/ (`source` is relative to it), or a named volume, at a path in the
 * container.
 */
export type Mount = Readonly<{ kind: 'file' | 'volume'; source: string; target: string }>

export type ComposeService = Readonly<{
  name: string
  environment: Readonly<Record<string, string>>
  command: readonly string[]
  mounts: readonly Mount[]
  /** The ports it listens on. */
  expose: readonly number[]
  stopSignal: NodeJS.Signals
}>

export type ComposeFile = Readonly<{
  services: ReadonlyMap<string, ComposeService>
  /** Versions and passwords by their names in deploy/.env. */
  values: Readonly<Record<string, string>>
}>

type RawService = Readonly<{
  environment?: Record<string, string | number | boolean>
  command?: string[]
  volumes?: string[]
  expose?: string[]
  stop_signal?: NodeJS.Signals
}>

/**
 * Values of the file come before those of the environment: a variable that happens to be set
 * changes no version.
 */
export function readComposeFile(environment: NodeJS.ProcessEnv): ComposeFile {
  const values = parseEnv(readFileSync(join(DEPLOY, '.env'), 'utf8')) as Record<string, string>
  const text = readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8')
  const raw = parse(interpolate(text, { ...environment, ...values }), { merge: true }) as {
    services: Record<string, RawService>
  }
  const services = Object.entries(raw.services).map(
    ([name, service]) => [name, readService(name, service)] as const,
  )
  return { services: new Map(services), values }
}

/** `${NAME}`, `${NAME:-initial}` and `$$`, the forms of compose that the file uses. */
export function interpolate(text: string, values: NodeJS.ProcessEnv): string {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
  return lines
    .join('\n')
    .replaceAll(/\$(?:\$|\{(\w+)(:-([^}]*))?\})/g, (match, name, hasInitial, initial) => {
      if (match === '$$') return '$'
      const value = values[name] || initial
      assert.ok(value !== undefined || hasInitial, `compose.yaml: ${name} stands in no .env`)
      return value ?? ''
    })
}

function readService(name: string, raw: RawService): ComposeService {
  const { command = [], volumes = [], expose = [] } = raw
  assert.ok(Array.isArray(command), `compose.yaml: the command of ${name} is no list`)
  const environment = Object.entries(raw.environment ?? {})
  return {
    name,
    environment: Object.fromEntries(environment.map(([key, value]) => [key, String(value)])),
    command,
    mounts: volumes.map((mount) => readMount(name, mount)),
    expose: expose.map(Number),
    stopSignal: raw.stop_signal ?? 'SIGTERM',
  }
}

function readMount(service: string, text: string): Mount {
  const [source = '', target = ''] = text.split(':')
  assert.ok(target.startsWith('/'), `compose.yaml: ${service} mounts ${text}, not source:target`)
  return source.startsWith('./')
    ? { kind: 'file', source: source.slice(2), target }
    : { kind: 'volume', source, target }
}
