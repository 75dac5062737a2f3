/** What no setting can know alone: that settings fit together. Works on those that were read without a fault. */

import { sep } from 'node:path'
import { isLoopback } from './listen.ts'
import type { Settings } from './schema.ts'
import type { SettingProblem } from './settings.ts'

/** The second must not lie in the first. */
const APART = [
  ['log', 'warehouse'],
  ['warehouse', 'log'],
  ['log', 'catalog'],
] as const

/** `resolve` turns a path of the file into an absolute one. */
export function crossProblems(
  settings: Partial<Settings>,
  resolve: (path: string) => string,
): SettingProblem[] {
  return [
    ...openListenProblems(settings),
    ...sharedKeyProblems(settings),
    ...nestedPathProblems(settings, resolve),
    ...retentionProblems(settings),
  ]
}

function openListenProblems({ listen, keys }: Partial<Settings>): SettingProblem[] {
  if (listen === undefined || keys === undefined || isLoopback(listen.host)) return []
  const missing = (['write', 'read'] as const).filter((kind) => keys[kind].length === 0)
  return missing.map((kind) => ({
    place: ['keys', kind],
    reason:
      `listening on ${listen.host}, which others than this machine can reach, needs at least one ${kind} key; ` +
      'set one, or listen on 127.0.0.1',
  }))
}

function sharedKeyProblems({ keys }: Partial<Settings>): SettingProblem[] {
  const isShared = keys?.write.some((key) => keys.read.includes(key)) ?? false
  return isShared
    ? [
        {
          place: ['keys'],
          reason: 'a key stands under both `write` and `read`; write keys may only write: use two',
        },
      ]
    : []
}

/** Log and tables sweep their own folders, so neither may lie in the other's. A catalog beside the tables is usual. */
function nestedPathProblems(
  settings: Partial<Settings>,
  resolve: (path: string) => string,
): SettingProblem[] {
  const problems: SettingProblem[] = []
  for (const [outer, inner] of APART) {
    const [outerPath, innerPath] = [settings[outer], settings[inner]]
    if (outerPath === undefined || innerPath === undefined) continue
    const [outside, inside] = [resolve(outerPath), resolve(innerPath)]
    const isInside = inside === outside || inside.startsWith(`${outside}${sep}`)
    if (!isInside) continue
    const reason = `${inside} lies in \`${outer}\` (${outside}); give each its own place`
    problems.push({ place: [inner], reason })
  }
  return problems
}

/** Event ids are remembered from the raw files after a restart, so these must outlive the horizon. */
function retentionProblems({ retention, dedupe }: Partial<Settings>): SettingProblem[] {
  if (retention === undefined || dedupe === undefined || retention.events === 0) return []
  return retention.events >= 2 * dedupe.horizon
    ? []
    : [
        {
          place: ['retention', 'events'],
          reason: 'shorter than twice `dedupe.horizon`; make one longer or the other shorter',
        },
      ]
}
