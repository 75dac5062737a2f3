/**
 * Files as objects on S3. A file's path is its location, `s3://bucket/key`. An object is durable
 * when the store has answered its PUT, and there are no folders, so there is nothing to sync.
 *
 *   PUT, only if nothing of that name is there
 *     ├─ answered with our checksum    stored
 *     ├─ answered without it           the size of what is there is checked
 *     └─ "it is there already"         an earlier try whose reply was lost: checked as well
 *
 * A file is sent in one PUT, which S3 takes up to 5 GB; the largest, merged files have some 256 MB.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { freeBytes } from '../../runtime.ts'
import { TableError } from '../error.ts'
import { type S3Warehouse, s3KeyOf } from '../location.ts'
import type { Storage, StoredFile } from './contract.ts'
import type { FileCache } from './file-cache.ts'
import {
  isAlreadyThere,
  isBroken,
  isMissing,
  isNotImplemented,
  openS3Client,
  s3ErrorOf,
} from './s3-client.ts'

/** Tries to read a body that breaks off. */
const READS_MAX = 4
const FIRST_PAUSE_MS = 200

/** Data files are also put into the cache as they are written, for DuckDB. */
export function openS3Storage(place: S3Warehouse, cache: FileCache | null): Storage {
  const client = openS3Client(place)
  let isConditional = true

  async function asking<T>(doing: string, path: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (isMissing(error)) throw new TableError('file-lost', { path }, error)
      throw s3ErrorOf(error, place, doing, path)
    }
  }

  async function put(path: string, body: Uint8Array): Promise<void> {
    const checksum = checksumOf(body)
    const condition = isConditional ? { IfNoneMatch: '*' } : {}
    const target = { ...objectOf(path), ...condition }
    try {
      const command = { ...target, Body: body, ContentLength: body.byteLength }
      const stored = await client.send(
        new PutObjectCommand({ ...command, ChecksumCRC32: checksum }),
      )
      if (stored.ChecksumCRC32 === checksum || isDigest(stored.ETag, body)) return
    } catch (error) {
      if (isConditional && isNotImplemented(error)) {
        isConditional = false
        return await put(path, body)
      }
      if (!isAlreadyThere(error)) throw error
    }
    await checkStored(path, body, checksum)
  }

  /** What is stored must be what was sent. */
  async function checkStored(path: string, body: Uint8Array, checksum: string): Promise<void> {
    const found = await client.send(
      new HeadObjectCommand({ ...objectOf(path), ChecksumMode: 'ENABLED' }),
    )
    const differs = found.ChecksumCRC32 !== undefined && found.ChecksumCRC32 !== checksum
    if (found.ContentLength === body.byteLength && !differs) return
    throw new Error(
      `of ${body.byteLength} bytes with CRC32 ${checksum} the store has ` +
        `${found.ContentLength} with ${found.ChecksumCRC32 ?? 'none'}`,
    )
  }

  async function get(path: string, range: Readonly<{ start: number; end: number }> | null) {
    const bytes = range === null ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }
    for (let attempt = 1; ; attempt++) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ ...objectOf(path), ...bytes }))
        const body = asBuffer((await Body?.transformToByteArray()) ?? new Uint8Array(0))
        if (range === null || body.byteLength === range.end - range.start) return body
        throw new RangeError(
          `the file ends at byte ${range.start + body.byteLength}, before ${range.end}`,
        )
      } catch (error) {
        if (attempt === READS_MAX || !isBroken(error) || error instanceof RangeError) throw error
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1))
      }
    }
  }

  return {
    async write(path, chunks, onWritten) {
      const body = joined(chunks)
      try {
        const storing = asking('writing', path, () => put(path, body))
        await Promise.all([storing, cache?.keep(path, body)])
        onWritten?.()
        return body.byteLength
      } finally {
        freeBytes(body)
      }
    },
    async take(local, path) {
      const body = await readFile(local)
      try {
        await asking('writing', path, () => put(path, body))
      } finally {
        freeBytes(body)
      }
    },
    async syncFolders() {},
    read: (path) => asking('reading', path, () => get(path, null)),
    async readRange(path, start, end) {
      if (start === end) return Buffer.alloc(0)
      return await asking('reading', path, () => get(path, { start, end }))
    },
    async sizeOf(path) {
      const head = new HeadObjectCommand(objectOf(path))
      const { ContentLength } = await asking('reading', path, () => client.send(head))
      return ContentLength ?? 0
    },
    freeBytes: async () => null,
    async remove(path) {
      const command = new DeleteObjectCommand(objectOf(path))
      await asking('removing', path, () => client.send(command)).catch((error: unknown) => {
        if (!(error instanceof TableError && error.code === 'file-lost')) throw error
      })
    },
    async removeFolderIfEmpty() {},
    list: (folder) => list(client, folder, asking),
  }
}

type Asking = <T>(doing: string, path: string, ask: () => Promise<T>) => Promise<T>

async function* list(client: S3Client, folder: string, asking: Asking): AsyncIterable<StoredFile> {
  const { bucket, key } = s3KeyOf(folder)
  const prefix = key === '' ? '' : `${key}/`
  let from: string | undefined
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      ...(from !== undefined && { ContinuationToken: from }),
    })
    const page = await asking('listing', folder, () => client.send(command))
    for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
      // Some tools mark folders by empty objects whose names end with a slash.
      if (Key.endsWith('/')) continue
      const changedMs = LastModified?.getTime() ?? Number.POSITIVE_INFINITY
      yield { path: `s3://${bucket}/${Key}`, bytes: Size, changedMs }
    }
    from = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (from !== undefined)
}

function objectOf(path: string): Readonly<{ Bucket: string; Key: string }> {
  const { bucket, key } = s3KeyOf(path)
  return { Bucket: bucket, Key: key }
}

/** In memory of its own, so that it can be freed by hand. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.byteLength
  }
  return body
}

/** Base64 of the big-endian CRC32, as S3 writes it. */
function checksumOf(body: Uint8Array): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64')
}

/** Stores without checksums mostly answer with the MD5 of an object as its ETag. */
function isDigest(etag: string | undefined, body: Uint8Array): boolean {
  return etag?.replaceAll('"', '') === createHash('md5').update(body).digest('hex')
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
