/**
 * One case of a JSON class, written by hand from RFC 8259 (and RFC 3629 for the bytes).
 *
 * `accept` and `reject` are what the RFC demands of every parser; `either` is what it leaves open,
 * with what docs/events-and-tables.md decides. `bytes` is Latin-1: '\xc3\xa9' are the two bytes of
 * an e with acute accent in UTF-8.
 */
import type { RejectionReason } from '../../../src/event.ts'

export type JsonCase = Readonly<{
  rule: 'accept' | 'reject' | 'either'
  name: string
  bytes: string
  verdict: 'accepted' | RejectionReason
}>

export function accept(name: string, bytes: string): JsonCase {
  return { rule: 'accept', name, bytes, verdict: 'accepted' }
}

export function reject(name: string, bytes: string, verdict: RejectionReason = 'syntax'): JsonCase {
  return { rule: 'reject', name, bytes, verdict }
}

export function either(name: string, bytes: string, verdict: JsonCase['verdict']): JsonCase {
  return { rule: 'either', name, bytes, verdict }
}
