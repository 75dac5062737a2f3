/** From a plain value, as YAML gave it, to checked settings, or to everything that is wrong with it at once. */

import { z } from 'zod'
import { crossProblems } from './cross-checks.ts'
import { GROUP_NOTES } from './field.ts'
import { SETTINGS, type Settings } from './schema.ts'
import { suggestName } from './suggestion.ts'

type Place = readonly PropertyKey[]

/** A fault and the keys that lead to it; with `isName` it is the last key itself that is wrong, not its value. */
export type SettingProblem = Readonly<{ place: Place; reason: string; isName?: boolean }>

const SCHEMA = z.strictObject(SETTINGS)

export function checkSettings(
  raw: unknown,
  resolve: (path: string) => string,
): Readonly<{ settings: Settings; problems: readonly SettingProblem[] }> {
  const parsed = SCHEMA.safeParse(raw ?? {})
  const problems = (parsed.error?.issues ?? []).flatMap((issue) => issueProblems(issue))
  const sound = parsed.data ?? soundSettings(raw)
  problems.push(...crossProblems(sound, resolve))
  return { settings: parsed.data as Settings, problems }
}

/** The settings that are right by themselves, so that the checks across settings can speak beside other faults. */
function soundSettings(raw: unknown): Partial<Settings> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return {}
  const sound: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(SETTINGS)) {
    const parsed = schema.safeParse((raw as Record<string, unknown>)[name])
    if (parsed.success) sound[name] = parsed.data
  }
  return sound
}

function issueProblems(issue: z.core.$ZodIssue): SettingProblem[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownName(issue.path, key))
    case 'invalid_type':
      return [
        {
          place: issue.path,
          reason: `not a group of settings, one a line below it; accepted: ${namesAt(issue.path).join(', ')}`,
        },
      ]
    default:
      return [{ place: issue.path, reason: issue.message }]
  }
}

function unknownName(parent: Place, key: string): SettingProblem {
  const names = namesAt(parent)
  const near = suggestName(key, names)
  const hint = near === undefined ? '' : `did you mean \`${near}\`? `
  return {
    place: [...parent, key],
    isName: true,
    reason: `unknown setting; ${hint}accepted here: ${names.join(', ')}`,
  }
}

/** The names that may stand at a place: of all settings, or of a group. */
function namesAt(place: Place): readonly string[] {
  const [name] = place
  if (name === undefined) return Object.keys(SETTINGS)
  const schema = SETTINGS[name as keyof Settings]
  return [...(GROUP_NOTES.get(schema)?.fields.keys() ?? [])]
}
