/** What a request to S3 failed with, in the words of this room: what, where, and what to do about it. */

import { reasonOf } from '../../runtime.ts'
import { TableError } from '../error.ts'
import type { S3Warehouse } from '../place.ts'

/** By the `name` that the SDK gives its errors, which is S3's error code, or by the network's `code`. */
const TODO: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket (campaign-metrics setup does), or correct "warehouse"',
  AccessDenied:
    'these credentials may not do this: allow s3:GetObject, PutObject, DeleteObject and ListBucket on the warehouse',
  Forbidden:
    'these credentials may not do this: allow s3:GetObject, PutObject, DeleteObject and ListBucket on the warehouse',
  InvalidAccessKeyId: 'the store does not know this access key: correct AWS_ACCESS_KEY_ID',
  XAdminUserNotFound: 'the store does not know this access key: correct AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'the secret key does not fit: correct AWS_SECRET_ACCESS_KEY',
  RequestTimeTooSkewed: 'the clocks of this machine and of the store differ by too much: set them',
  ExpiredToken: 'the session token has expired: renew the credentials',
  CredentialsProviderError:
    'no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role',
  ECONNREFUSED: 'nobody listens there: start the store, or correct "endpoint"',
  ENOTFOUND: 'there is no such host: correct "endpoint" or "region"',
  PermanentRedirect: 'the bucket is in another region: correct "region"',
}
const OTHERWISE = 'see whether the store is well'

export function s3ErrorOf(
  error: unknown,
  place: S3Warehouse,
  doing: string,
  path: string,
): TableError {
  if (error instanceof TableError) return error
  const code = codeOf(error)
  const facts = {
    doing,
    path,
    endpoint: place.endpoint ?? `Amazon S3 in ${place.region}`,
    reason: `${code}: ${reasonOf(error)}`,
    todo: TODO[code] ?? OTHERWISE,
  }
  return new TableError('s3-failed', facts, error)
}

export function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'NoSuchKey' || code === 'NotFound'
}

/**
 * An object of this name stands there already, or is being written: S3's answers to `If-None-Match: *`. Names are never used
 * twice, so it is our own, of an earlier try whose reply was lost.
 */
export function isStanding(error: unknown): boolean {
  return ['PreconditionFailed', 'ConditionalRequestConflict'].includes(codeOf(error))
}

/** A store that does not know conditional writes. */
export function isNotImplemented(error: unknown): boolean {
  return codeOf(error) === 'NotImplemented' || statusOf(error) === 501
}

/** Whether the same request may well succeed in a moment; for bodies that break off, which the SDK does not repeat. */
export function isBroken(error: unknown): boolean {
  return !(error instanceof TableError) && statusOf(error) < 400
}

function statusOf(error: unknown): number {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata
  return metadata?.httpStatusCode ?? 0
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error && typeof error.code === 'string' && error.code in TODO) return error.code
  return error.name
}
