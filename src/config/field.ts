/**
 * How a field of the configuration is made: a zod schema that turns what the user wrote into the
 * value or into a reason why not, together with its documentation.
 */

import { z } from 'zod'

export type FieldNotes = Readonly<{
  /** What it is for, in a sentence or two of Markdown. */
  description: string
  /** What may be written, in words; part of the message when something else was. */
  accepts: string
  /** The default as it would be written in the file. */
  initial: string | number | boolean | readonly string[]
  /** What the example file shows instead of the default. */
  example?: readonly string[]
}>

/** The documentation of a group, and its fields by name. */
type GroupNotes = Readonly<{ description: string; fields: ReadonlyMap<string, z.ZodType> }>

export const FIELD_NOTES: Map<z.ZodType, FieldNotes> = new Map()
export const GROUP_NOTES: Map<z.ZodType, GroupNotes> = new Map()

/** Why a value is refused; the message goes on with what is accepted. */
export class Refusal {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/**
 * A field with one value. An empty value in the file means the default, as if the line were
 * missing.
 */
export function field<T>(
  notes: FieldNotes,
  read: (value: unknown) => T | Refusal,
): z.ZodPrefault<z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>> {
  const schema = z
    .unknown()
    .transform((value, context): T => {
      const result = read(value ?? notes.initial)
      if (!(result instanceof Refusal)) return result
      context.addIssue({ code: 'custom', message: `${result.reason}; accepted: ${notes.accepts}` })
      return z.NEVER
    })
    .prefault(notes.initial)
  FIELD_NOTES.set(schema, notes)
  return schema
}

/** Settings under one name. An empty group means its defaults. */
export function group<T extends object>(
  description: string,
  fields: { readonly [Name in keyof T & string]: z.ZodType<T[Name]> },
): z.ZodType<T> {
  const shape = fields as Readonly<Record<string, z.ZodType>>
  const schema = z.preprocess((value) => value ?? {}, z.strictObject(shape)).prefault({})
  GROUP_NOTES.set(schema, { description, fields: new Map(Object.entries(shape)) })
  // The fields' types say what the object's are; zod cannot follow a mapped type through its shape.
  return schema as unknown as z.ZodType<T>
}

/** A value as it is shown in a message: short, on one line. */
export function shown(value: unknown): string {
  // JSON cannot express infinity, which a number too large becomes.
  const isNoNumber = typeof value === 'number' && !Number.isFinite(value)
  const text = isNoNumber ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
