/**
 * Fills the placeholders of job.sql, and splits it into statements.
 *
 *     {text:x}      a string literal, quotes doubled
 *     {options:x}   'key' = 'value', …
 *
 * A value never becomes anything but the inside of a literal, so none can end one.
 */

import assert from 'node:assert/strict'

export type SqlValues = Readonly<{
  text: Readonly<Record<string, string>>
  options: Readonly<Record<string, Readonly<Record<string, string>>>>
}>

/**
 * Throws AssertionError on a placeholder without a value, and on a value that no placeholder takes.
 */
export function fillSql(template: string, values: SqlValues): string {
  const used = new Set<string>()
  const filled = template.replace(/^(?!\s*--).*\{(?:text|options):.*$/gm, (line) =>
    line.replace(/\{(text|options):(\w+)\}/g, (_, kind: 'text' | 'options', name: string) => {
      used.add(`${kind}:${name}`)
      return kind === 'text'
        ? literal(required(values.text, name))
        : pairs(required(values.options, name))
    }),
  )
  const given = Object.entries(values).flatMap(([kind, of]) =>
    Object.keys(of).map((name) => `${kind}:${name}`),
  )
  assert.deepEqual([...used].sort(), given.sort(), 'values and placeholders are the same')
  return filled
}

/** A statement ends with the semicolon at the end of a line; a statement set with its END. */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let lines: string[] = []
  let inSet = false
  for (const line of sql.split('\n')) {
    if (lines.length === 0 && (line.trim() === '' || line.startsWith('--'))) continue
    lines.push(line)
    inSet = inSet ? line !== 'END;' : line.endsWith('BEGIN')
    if (inSet || !line.endsWith(';')) continue
    statements.push(lines.join('\n').slice(0, -1))
    lines = []
  }
  assert.equal(lines.join(''), '', 'the last statement ends with a semicolon')
  return statements
}

function required<T>(values: Readonly<Record<string, T>>, name: string): T {
  const value = values[name]
  assert.ok(value !== undefined, `no value for the placeholder ${name}`)
  return value
}

/** Quotes are doubled. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function pairs(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([key, value]) => `${literal(key)} = ${literal(value)}`)
    .join(',\n  ')
}
