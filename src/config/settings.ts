/**
 * From a plain value, as parsed from YAML, to checked settings, or to all of its problems at once.
 */
import { z } from 'zod'
import { crossProblems } from './cross-checks.ts'
import type { SettingPath, SettingProblem } from './error.ts'
import { GROUP_NOTES } from './field.ts'
import { SETTINGS, type Settings } from './schema.ts'

const SCHEMA = z.strictObject(SETTINGS)
const NO_GROUP = 'not a group of settings, one a line below it; accepted: '

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

/**
 * The settings that are right by themselves, so that the checks across settings run even when
 * others are wrong.
 */
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
      return [{ place: issue.path, reason: `${NO_GROUP}${namesAt(issue.path).join(', ')}` }]
    default:
      return [{ place: issue.path, reason: issue.message }]
  }
}

function unknownName(parent: SettingPath, key: string): SettingProblem {
  const names = namesAt(parent)
  const near = suggestName(key, names)
  const hint = near === undefined ? '' : `did you mean \`${near}\`? `
  return {
    place: [...parent, key],
    isName: true,
    reason: `unknown setting; ${hint}accepted here: ${names.join(', ')}`,
  }
}

/** The names accepted at a place: of all settings, or of a group. */
function namesAt(place: SettingPath): readonly string[] {
  const [name] = place
  if (name === undefined) return Object.keys(SETTINGS)
  const schema = SETTINGS[name as keyof Settings]
  return [...(GROUP_NOTES.get(schema)?.fields.keys() ?? [])]
}

/** The known name that a misspelt one was probably meant to be, when one is near enough. */
function suggestName(wrong: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  // A third of the letters may differ: `windows` for `window`, `horizn` for `horizon`.
  let distance = Math.max(1, Math.floor(wrong.length / 3)) + 1
  for (const name of names) {
    const changes = editDistance(plain(wrong), plain(name))
    if (changes < distance) [nearest, distance] = [name, changes]
  }
  return nearest
}

/** `commit_interval` and `commit-interval` are near `commitInterval`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

/** Levenshtein's distance, by rows. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? 0
}
