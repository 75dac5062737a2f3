/**
 * The client for one S3 place, and what its errors mean. Credentials come from the standard AWS
 * chain (environment, profile, instance role), and every wait has a limit. The SDK's standard mode
 * repeats throttled requests (429, 503, SlowDown), 5xx and broken connections with growing pauses;
 * what still fails then is an error of this room.
 */
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { reasonOf, systemCode } from '../../runtime.ts'
import { TableError } from '../error.ts'
import { type S3Warehouse, s3KeyOf } from '../location.ts'

const ATTEMPTS_MAX = 6
const CONNECT_TIMEOUT_MS = 5_000
/** Without a byte either way. */
const IDLE_TIMEOUT_MS = 30_000
/** Of one try, including the upload of the largest file. */
const REQUEST_TIMEOUT_MS = 300_000
const SOCKETS_MAX = 64

export function openS3Client(place: S3Warehouse): S3Client {
  return new S3Client({
    region: place.region,
    ...(place.endpoint !== null && { endpoint: place.endpoint }),
    forcePathStyle: place.pathStyle,
    maxAttempts: ATTEMPTS_MAX,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: SOCKETS_MAX, keepAlive: true },
      httpsAgent: { maxSockets: SOCKETS_MAX, keepAlive: true },
    },
  })
}

/** Makes the warehouse's bucket where it is missing, for `setup`; with `isDry` only looks. */
export async function makeBucket(
  place: S3Warehouse,
  isDry: boolean,
): Promise<'found' | 'made' | 'missing'> {
  const { bucket } = s3KeyOf(place.location)
  const client = openS3Client(place)
  try {
    if (await hasBucket(client, bucket)) return 'found'
    if (isDry) return 'missing'
    // Amazon requires the name of every region but its first one; other stores have none to name.
    const isFirst = place.endpoint !== null || place.region === 'us-east-1'
    // Any string; the SDK's type lists the regions that it knew.
    const constraint = { LocationConstraint: place.region as never }
    await client.send(
      new CreateBucketCommand({
        Bucket: bucket,
        ...(!isFirst && { CreateBucketConfiguration: constraint }),
      }),
    )
    return 'made'
  } catch (error) {
    throw s3ErrorOf(error, place, `making the bucket ${bucket}`, place.location)
  } finally {
    client.destroy()
  }
}

async function hasBucket(client: S3Client, bucket: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

const NOT_ALLOWED =
  'these credentials may not do this: allow s3:GetObject, PutObject, DeleteObject and ListBucket ' +
  'on the warehouse'
const UNKNOWN_KEY = 'the store does not know this access key: correct AWS_ACCESS_KEY_ID'

/**
 * By the `name` that the SDK gives its errors, which is S3's error code, or by the network's
 * `code`.
 */
const REMEDIES = {
  NoSuchBucket: 'make the bucket (campaign-metrics setup does), or correct "warehouse"',
  AccessDenied: NOT_ALLOWED,
  Forbidden: NOT_ALLOWED,
  InvalidAccessKeyId: UNKNOWN_KEY,
  XAdminUserNotFound: UNKNOWN_KEY,
  SignatureDoesNotMatch: 'the secret key does not fit: correct AWS_SECRET_ACCESS_KEY',
  RequestTimeTooSkewed: 'the clocks of this machine and of the store differ by too much: set them',
  ExpiredToken: 'the session token has expired: renew the credentials',
  CredentialsProviderError:
    'no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a ' +
    'role',
  ECONNREFUSED: 'nobody listens there: start the store, or correct "endpoint"',
  ENOTFOUND: 'there is no such host: correct "endpoint" or "region"',
  PermanentRedirect: 'the bucket is in another region: correct "region"',
} as const
const OTHER_REMEDY = 'see whether the store is well'

function isKnown(code: string): code is keyof typeof REMEDIES {
  return Object.hasOwn(REMEDIES, code)
}

/** A failed request as an error of this room: what failed, where, and what to do about it. */
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
    todo: isKnown(code) ? REMEDIES[code] : OTHER_REMEDY,
  }
  return new TableError('s3-failed', facts, error)
}

export function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'NoSuchKey' || code === 'NotFound'
}

/**
 * An object of this name exists already, or is being written: S3's answers to `If-None-Match: *`.
 * Names are never used twice, so it is our own, from an earlier try whose reply was lost.
 */
export function isAlreadyThere(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'PreconditionFailed' || code === 'ConditionalRequestConflict'
}

/** The store does not support conditional writes. */
export function isNotImplemented(error: unknown): boolean {
  return codeOf(error) === 'NotImplemented' || statusOf(error) === 501
}

/**
 * Whether the same request may succeed in a moment; for bodies that break off, which the SDK does
 * not repeat.
 */
export function isBroken(error: unknown): boolean {
  return !(error instanceof TableError) && statusOf(error) < 400
}

function statusOf(error: unknown): number {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata
  return metadata?.httpStatusCode ?? 0
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = systemCode(error)
  return code !== null && isKnown(code) ? code : error.name
}
