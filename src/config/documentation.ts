/** The page docs/configuration.md and the example in it, written from the schema's own notes. */

import type { z } from 'zod'
import { DEFAULT_CONFIG_FILE } from './config.ts'
import { FIELD_NOTES, type FieldNotes, GROUP_NOTES } from './field.ts'
import { SETTINGS } from './schema.ts'

const COLUMNS = 100

type Entry = Readonly<{ name: string; notes: FieldNotes }>
type Section = Readonly<{ name: string; description: string; entries: readonly Entry[] }>

export function configurationPage(): string {
  const sections = listSections()
  return `${[
    '<!-- Written by `npm run docs` from src/config/schema.ts; do not edit. -->',
    '# Configuration',
    `One YAML file, \`${DEFAULT_CONFIG_FILE}\`: the one that \`--config FILE\` names, else the ` +
      'one in the working folder. All settings are optional; without a file all are at their ' +
      'defaults. An unknown or wrong setting is refused at the start, with its line, the reason ' +
      'and what is accepted.',
    '- Durations: `250ms`, `1s`, `5m`, `1h`, `90d`. Sizes: `512KiB`, `64MiB`, `1GiB` (powers of ' +
      'two) or `10GB` (of ten).\n' +
      '- Relative paths start at the folder of the file (without a file: the working folder).\n' +
      '- `${NAME}` is replaced by the environment variable `NAME`, which must be set; `$${` ' +
      'stands for a plain `${`.',
    '## Settings',
    table(sections),
    '## Example',
    'Every setting; those with a value of its own are only an example, all others show the ' +
      'default.',
    `\`\`\`yaml\n${exampleFile()}\`\`\``,
  ].join('\n\n')}\n`
}

/** A whole configuration file with every setting, explained. */
export function exampleFile(): string {
  const blocks = listSections().map(({ name, description, entries }) => {
    const [only] = entries
    if (only !== undefined && only.name === name) return settingLines(only, '')
    const inner = entries.map((entry) => settingLines(entry, '  ')).join('')
    return `${comment(description, '')}${name}:\n${inner}`
  })
  return blocks.join('\n')
}

/** The settings in the order of the schema; a setting outside a group is a section of its own. */
function listSections(): Section[] {
  return Object.entries(SETTINGS).map(([name, schema]) => {
    const group = GROUP_NOTES.get(schema)
    if (group === undefined) {
      const notes = notesOf(schema, name)
      return { name, description: notes.description, entries: [{ name, notes }] }
    }
    const entries = [...group.fields].map(([field, inner]) => ({
      name: field,
      notes: notesOf(inner, `${name}.${field}`),
    }))
    return { name, description: group.description, entries }
  })
}

function notesOf(schema: z.ZodType, name: string): FieldNotes {
  const notes = FIELD_NOTES.get(schema)
  if (notes === undefined) throw new Error(`the setting ${name} has no notes for the documentation`)
  return notes
}

function table(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ name, description, entries }) =>
    entries.map((entry) => {
      const isGrouped = entry.name !== name
      const path = isGrouped ? `${name}.${entry.name}` : name
      const text = isGrouped ? `${description} ${entry.notes.description}` : description
      const initial = entry.notes.initial === '' ? 'none' : `\`${plain(entry.notes.initial)}\``
      return `| \`${path}\` | ${initial} | ${text} | ${entry.notes.accepts} |`
    }),
  )
  return [
    '| setting | default | what it is for | accepted |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function settingLines({ name, notes }: Entry, indent: string): string {
  const value = plain(notes.example ?? notes.initial)
  return `${comment(notes.description, indent)}${`${indent}${name}: ${value}`.trimEnd()}\n`
}

/** Values as flow YAML; a string is quoted where YAML would read something else. */
function plain(value: FieldNotes['initial']): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return value
  return `[${value.map((item) => `'${item}'`).join(', ')}]`
}

/** A comment, wrapped; Markdown's code marks are left out. */
function comment(text: string, indent: string): string {
  const lines: string[] = []
  let line = `${indent}#`
  for (const word of text.replaceAll('`', '').split(' ')) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = `${indent}#`
    }
    line += ` ${word}`
  }
  return `${[...lines, line].join('\n')}\n`
}
