/**
 * The client for one S3 place: credentials from the standard AWS chain (environment, profile, instance role), limits on
 * how long anything may take, and tries again for what passes by itself. The SDK's standard mode repeats throttling (429,
 * 503, SlowDown), 5xx and broken connections with growing pauses; what still fails then is an error of this room.
 */
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { s3KeyOf } from '../location.ts'
import type { S3Warehouse } from '../place.ts'
import { isMissing, s3ErrorOf } from './s3-failure.ts'

const ATTEMPTS_MAX = 6
const CONNECT_TIMEOUT_MS = 5_000
/** Without a byte either way. */
const IDLE_TIMEOUT_MS = 30_000
/** Of one try, the sending of the largest file included. */
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

/** Makes the warehouse's bucket where it is missing; for `setup`. `isDry` only looks. */
export async function makeBucket(
  place: S3Warehouse,
  isDry: boolean,
): Promise<'found' | 'made' | 'missing'> {
  const { bucket } = s3KeyOf(place.location)
  const client = openS3Client(place)
  try {
    if (await hasBucket(client, bucket)) return 'found'
    if (isDry) return 'missing'
    // Amazon wants the region named for all but its first one; other stores have none to name.
    const isFirst = place.endpoint !== null || place.region === 'us-east-1'
    const constraint = { LocationConstraint: place.region as never } // any string; the SDK lists those it knew
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
