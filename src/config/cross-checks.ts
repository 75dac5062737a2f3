/**
 * Checks across settings: that they fit together. They run on the settings that were read without a
 * fault.
 */

import { sep } from 'node:path'
import { zoneFault } from '../dashboard-definition.ts'
import { isLoopback } from './address.ts'
import type { SettingProblem } from './error.ts'
import type { Settings } from './schema.ts'

/** The second must not lie in the first. */
const APART = [
  ['log', 'warehouse'],
  ['warehouse', 'log'],
  ['log', 'catalog'],
] as const

const ONE_KIND = [
  ['write', 'read', 'write keys may only write'],
  ['write', 'tables', 'write keys may only write'],
  ['page', 'write', 'page keys are public'],
  ['page', 'read', 'page keys are public'],
  ['page', 'tables', 'page keys are public'],
] as const

const ONE_PEM_FILE =
  'certificate and key in one PEM file, for `certFile` and `keyFile` alike: its client takes one'

/** `resolve` turns a path of the file into an absolute one. */
export function crossProblems(
  settings: Partial<Settings>,
  resolve: (path: string) => string,
): SettingProblem[] {
  return [
    ...openListenProblems(settings),
    ...sharedKeyProblems(settings),
    ...nestedPathProblems(settings, resolve),
    ...zoneProblems(settings),
    ...retentionProblems(settings),
    ...flinkProblems(settings),
    ...kafkaProblems(settings),
    ...supersetProblems(settings),
  ]
}

function openListenProblems({ listen, keys }: Partial<Settings>): SettingProblem[] {
  if (listen === undefined || keys === undefined || isLoopback(listen.host)) return []
  if (keys.file !== '') return []
  const missing = (['write', 'read'] as const).filter((kind) => keys[kind].length === 0)
  return missing.map((kind) => ({
    place: ['keys', kind],
    reason:
      `listening on ${listen.host}, which others than this machine can reach, needs at least one ` +
      `${kind} key; set one, have \`keys.file\` made, or listen on 127.0.0.1`,
  }))
}

/** A key is of one kind; only keys for the tables may read as well. */
function sharedKeyProblems({ keys }: Partial<Settings>): SettingProblem[] {
  if (keys === undefined) return []
  return ONE_KIND.filter(([one, other]) => keys[one].some((key) => keys[other].includes(key))).map(
    ([one, other, why]) => {
      const reason = `a key stands under both \`${one}\` and \`${other}\`; ${why}: use two`
      return { place: ['keys'], reason }
    },
  )
}

/**
 * Log and tables remove files in their own folders, so neither may be inside the other. A catalog
 * beside the tables is common.
 */
function nestedPathProblems(
  settings: Partial<Settings>,
  resolve: (path: string) => string,
): SettingProblem[] {
  const problems: SettingProblem[] = []
  for (const [outer, inner] of APART) {
    const [outerPath, innerPath] = [pathOf(settings[outer]), pathOf(settings[inner])]
    if (outerPath === null || innerPath === null) continue
    const [outside, inside] = [resolve(outerPath), resolve(innerPath)]
    const isInside = inside === outside || inside.startsWith(`${outside}${sep}`)
    if (!isInside) continue
    const reason = `${inside} lies in \`${outer}\` (${outside}); give each its own place`
    problems.push({ place: [inner], reason })
  }
  return problems
}

function pathOf(place: Settings['log' | 'warehouse' | 'catalog'] | undefined): string | null {
  return place !== undefined && 'path' in place ? place.path : null
}

/** Offsets of the past and the future, as far as they are known, are those of these years. */
const OFFSET_YEARS = { fromMs: Date.UTC(2020), toMs: Date.UTC(2040) }

/** Days begin at midnight of the zone, and must begin with a window. */
function zoneProblems({ timezone, window }: Partial<Settings>): SettingProblem[] {
  if (timezone === undefined || window === undefined) return []
  const fault = zoneFault(timezone, window, OFFSET_YEARS)
  if (fault === null) return []
  const reason = `${fault}; set \`timezone: UTC\`, or before the first event a smaller \`window\``
  return [{ place: ['timezone'], reason }]
}

/**
 * Flink's tasks run on other machines: everything they read and write must be reachable from there.
 */
function flinkProblems(settings: Partial<Settings>): SettingProblem[] {
  const { engine, log, warehouse, catalog, flink, kafka, trino } = settings
  if (engine !== 'flink') return []
  const needs: readonly (readonly [isMissing: boolean, place: string, what: string])[] = [
    [log?.kind === 'folder', 'log', 'a topic of Kafka, `kafka://…`'],
    [warehouse?.kind === 'folder', 'warehouse', 'tables on S3, `s3://…`'],
    [catalog?.kind === 'sqlite', 'catalog', 'PostgreSQL, `postgresql://…`'],
    [flink?.gateway === '', 'flink.gateway', 'the address of the SQL Gateway'],
    [flink?.rest === '', 'flink.rest', 'the address of the JobManager'],
    [kafka?.certFile !== kafka?.keyFile, 'kafka.certFile', ONE_PEM_FILE],
    [trino?.url === '', 'trino.url', 'Trino, which recomputes windows that late events changed'],
  ]
  return needs
    .filter(([isMissing]) => isMissing)
    .map(([, place, what]) => ({
      place: place.split('.'),
      reason: `\`engine: flink\` needs ${what}`,
    }))
}

function kafkaProblems({ kafka }: Partial<Settings>): SettingProblem[] {
  if (kafka === undefined) return []
  const { sasl, username, password, tls, caFile, certFile, keyFile } = kafka
  const problems: SettingProblem[] = []
  if (sasl !== 'none' && (username === '' || password === '')) {
    const reason = `${sasl} needs \`username\` and \`password\``
    problems.push({ place: ['kafka', 'sasl'], reason })
  }
  if (!tls && (caFile !== '' || certFile !== '' || keyFile !== '')) {
    problems.push({ place: ['kafka', 'tls'], reason: 'files are given, so set it to `true`' })
  }
  if ((certFile === '') !== (keyFile === '')) {
    const reason = 'a certificate and its key go together: set `certFile` and `keyFile`'
    problems.push({ place: ['kafka', 'certFile'], reason })
  }
  return problems
}

/** Superset queries Trino, so it shows nothing without it. */
function supersetProblems({ superset, trino }: Partial<Settings>): SettingProblem[] {
  if (superset === undefined || superset.url === '' || trino === undefined) return []
  if (superset.trinoUrl !== '' || trino.url !== '') return []
  return [{ place: ['superset', 'url'], reason: 'Superset asks Trino: set `trino.url`' }]
}

/**
 * Event ids are remembered from the raw files after a restart, so these must outlive the horizon.
 */
function retentionProblems({ retention, dedupe }: Partial<Settings>): SettingProblem[] {
  if (retention === undefined || dedupe === undefined || retention.events === 0) return []
  if (retention.events >= 2 * dedupe.horizon) return []
  const reason = 'shorter than twice `dedupe.horizon`; make one longer or the other shorter'
  return [{ place: ['retention', 'events'], reason }]
}
