/**
 * Holds answers against src/dashboard/openapi.json: status, type and every field must stand there.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const FILE = join(import.meta.dirname, '../../../src/dashboard/openapi.json')

export type Parameter = Readonly<{ name: string; in: string }>

export type Operation = Readonly<{
  parameters?: readonly (Parameter | Readonly<{ $ref: string }>)[]
  responses: Readonly<
    Record<string, Readonly<{ $ref?: string; content?: Readonly<Record<string, unknown>> }>>
  >
}>

export type Description = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}>

export const DESCRIPTION: Description = JSON.parse(readFileSync(FILE, 'utf8'))

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema(DESCRIPTION, 'api')

const compiled = new Map<string, ValidateFunction>()

export type Reply = Readonly<{ status: number; type: string | null; text: string }>

/** What the description says of an answer must be so; an answer it does not tell of is a fault. */
export function expectDescribed(method: string, path: string, { status, type, text }: Reply): void {
  const at = `${method} ${path} ${status}`
  // A method or a path that is not there is told of once, in the description's own text.
  if (status === 404 || status === 405) {
    expectSchema('components/schemas/Error', JSON.parse(text), at)
    return
  }
  const pointer = `paths/${escaped(path)}/${method.toLowerCase()}/responses/${status}`
  const response = DESCRIPTION.paths[path]?.[method.toLowerCase()]?.responses[String(status)]
  assert.ok(response !== undefined, `${at} is not described`)
  const place = response.$ref === undefined ? pointer : response.$ref.slice(2)
  const content = lookUp(place).content as Readonly<Record<string, unknown>> | undefined
  if (content === undefined) {
    assert.equal(text, '', `${at} has a body`)
    return
  }
  const mediaType = type?.split(';')[0] ?? ''
  assert.ok(mediaType in content, `${at} is ${mediaType}, which is not described`)
  const value = mediaType === 'application/json' ? JSON.parse(text) : text
  expectSchema(`${place}/content/${escaped(mediaType)}/schema`, value, at)
}

export function expectSchema(pointer: string, value: unknown, at: string): void {
  const $ref = `api#/${pointer}`
  const validate = compiled.get($ref) ?? ajv.compile({ $ref })
  compiled.set($ref, validate)
  assert.ok(
    validate(value),
    `${at}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)?.slice(0, 2000)}`,
  )
}

function lookUp(pointer: string): Readonly<Record<string, unknown>> {
  let value: unknown = DESCRIPTION
  for (const part of pointer.split('/')) {
    value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return value as Readonly<Record<string, unknown>>
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}
