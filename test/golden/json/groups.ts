/** All cases, each group with the event that its bytes stand in. */
import type { JsonCase } from './case.ts'
import { NUMBERS } from './numbers.ts'
import { STRINGS } from './strings.ts'
import { STRUCTURE } from './structure.ts'
import { UTF8 } from './utf8.ts'
import { eventWith, FIELD_FAULTS, WHOLE_EVENTS } from './whole-events.ts'

type Group = readonly [title: string, cases: readonly JsonCase[], event: (bytes: string) => string]

const asValue = (bytes: string): string => eventWith(`"x":${bytes}`)
const asIs = (bytes: string): string => bytes

export const JSON_GROUPS: readonly Group[] = [
  ['numbers of RFC 8259', NUMBERS, asValue],
  ['strings of RFC 8259', STRINGS, asValue],
  ['structure of RFC 8259', STRUCTURE, asValue],
  ['bytes of RFC 3629', UTF8, asValue],
  ['events as a whole', WHOLE_EVENTS, asIs],
  ['faults of fields', FIELD_FAULTS, asIs],
]
