/**
 * `${NAME}` in a value is replaced by the environment variable of that name, so that keys need not
 * be in the file; `$${` stands for a plain `${`. Only strings are searched, after the YAML is
 * parsed: a variable's content can never become structure.
 */

import type { SettingPath } from './error.ts'

export type Environment = Readonly<Record<string, string | undefined>>

type Report = (place: SettingPath, reason: string) => void

/**
 * A copy of `value` with all variables replaced; `report` is called for each that is missing or
 * misspelt.
 */
export function substituteEnvironment(
  value: unknown,
  environment: Environment,
  report: Report,
  place: SettingPath = [],
): unknown {
  if (typeof value === 'string') {
    return substituteText(value, environment, (reason) => report(place, reason))
  }
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      substituteEnvironment(item, environment, report, [...place, index]),
    )
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        substituteEnvironment(item, environment, report, [...place, key]),
      ]),
    )
  }
  return value
}

function substituteText(
  text: string,
  environment: Environment,
  report: (reason: string) => void,
): string {
  return text.replace(/\$?\$\{([^}]*)(\}?)/g, (found, name: string, end: string) => {
    if (found.startsWith('$${')) return found.slice(1)
    if (end === '' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      report(
        `\`${found}\` is not \${NAME} of an environment variable; write \`$\${\` for a plain ` +
          `\`\${\``,
      )
      return found
    }
    const content = environment[name]
    if (content === undefined || content === '') {
      report(
        `the environment variable ${name} is ${content === '' ? 'empty' : 'not set'}; set it ` +
          'before starting',
      )
      return found
    }
    return content
  })
}
