/** Answers that routes of several rooms have in common: 304, and 405. */
import type { ReadAnswer } from './read-route.ts'

/**
 * Clients may cache the answer but must revalidate it each time; an unchanged answer is not sent
 * again. `sentTags` is the request's If-None-Match; comparison is weak (RFC 9110, 13.1.2).
 */
export function orNotModified(
  answer: ReadAnswer,
  tag: string,
  sentTags: string | undefined,
): ReadAnswer {
  const headers = { 'cache-control': 'private, no-cache', ...answer.headers, etag: tag }
  return isAmong(tag, sentTags) ? { status: 304, headers, body: null } : { ...answer, headers }
}

/** A header that may have come in several lines, as one. */
export function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}

/** 405, in the form of the API's other errors. */
export function otherMethod(
  methods: readonly string[],
  headers: Readonly<Record<string, string>>,
): ReadAnswer {
  const allow = methods.join(', ')
  const error = { code: 'method-not-allowed', message: `Not this method; allowed: ${allow}.` }
  return { status: 405, headers: { ...headers, allow }, body: JSON.stringify({ error }) }
}

function isAmong(tag: string, sentTags: string | undefined): boolean {
  if (sentTags === undefined) return false
  const opaque = tag.replace(/^W\//, '')
  return sentTags
    .split(',')
    .map((sent) => sent.trim().replace(/^W\//, ''))
    .some((sent) => sent === '*' || sent === opaque)
}
