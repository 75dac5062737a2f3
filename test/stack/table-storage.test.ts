/**
 * Files in a folder and on S3: one contract, and what S3 does besides: lost replies, slow-downs,
 * refusals.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { below, warehouseFolder } from '../../src/table/location.ts'
import { openS3Client } from '../../src/table/storage/s3-client.ts'
import { openStorage, type Storage } from '../../src/table/storage.ts'
import { makeWarehouse } from '../../src/table.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { type LakeServices, openLakeServices, type RemotePlaces } from './support/lake-services.ts'
import { openProxy } from './support/proxy.ts'

let services: LakeServices
before(async () => {
  services = await openLakeServices()
})
after(() => services.close())

type Room = Readonly<{ storage: Storage; folder: string; local(file: string): string }>

async function openRoom(kind: 'folder' | 's3', t: TestContext): Promise<Room> {
  const scratch = makeScratchFolder('storage', t)
  const warehouse =
    kind === 's3' ? (await services.places()).warehouse : ({ kind, path: scratch } as const)
  const folder = below(warehouseFolder(warehouse), 'campaigns')
  const local = (file: string): string => (kind === 's3' ? join(scratch, randomUUID()) : file)
  return { storage: await openStorage(warehouse), folder, local }
}

async function listed(storage: Storage, folder: string): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const { path } of storage.list(folder)) paths.push(path)
  return paths.toSorted()
}

const hello = Buffer.from('hello')

for (const kind of ['folder', 's3'] as const) {
  test(`${kind}: what was written is read whole and in part, listed, and removed`, async (t) => {
    const { storage, folder } = await openRoom(kind, t)
    const [a, b] = [below(folder, 'data/day=1/a.parquet'), below(folder, 'metadata/b.avro')]
    assert.deepEqual(await listed(storage, folder), [], 'a folder that is not there is empty')
    assert.equal(await storage.write(a, [hello, new Uint8Array(0), Buffer.from(' world')]), 11)
    assert.equal(await storage.write(b, [hello]), 5)
    await storage.syncFolders()
    assert.equal((await storage.read(a)).toString(), 'hello world')
    assert.equal((await storage.readRange(a, 6, 11)).toString(), 'world')
    assert.equal((await storage.readRange(a, 3, 3)).length, 0)
    await assert.rejects(storage.readRange(a, 6, 12), /ends at byte 11, before 12|failed/)
    assert.equal(await storage.sizeOf(a), 11)
    assert.deepEqual(await listed(storage, folder), [a, b])
    assert.deepEqual(await listed(storage, below(folder, 'metadata')), [b])
    assert.deepEqual(await listed(storage, below(folder, 'meta')), [], 'a name is no prefix')
    for await (const { bytes, changedMs } of storage.list(below(folder, 'metadata'))) {
      assert.equal(bytes, 5)
      assert.ok(Math.abs(changedMs - Date.now()) < 60_000)
    }
    await storage.remove(a)
    await storage.remove(a)
    await storage.removeFolderIfEmpty(below(folder, 'data/day=1'))
    assert.deepEqual(await listed(storage, folder), [b])
    await assert.rejects(storage.read(a), { code: 'file-lost' })
    await assert.rejects(storage.readRange(a, 0, 1), { code: 'file-lost' })
    await assert.rejects(storage.sizeOf(a), { code: 'file-lost' })
  })

  test(`${kind}: a file that another program wrote is taken into its place`, async (t) => {
    const { storage, folder, local } = await openRoom(kind, t)
    const file = below(folder, 'data/x.parquet')
    const bytes = randomBytes(5 * 2 ** 20)
    const written = local(file)
    await mkdir(join(written, '..'), { recursive: true })
    await writeFile(written, bytes)
    await storage.take(written, file)
    assert.ok(bytes.equals(await storage.read(file)))
  })

  test(`${kind}: a file is never written over`, async (t) => {
    const { storage, folder } = await openRoom(kind, t)
    const file = below(folder, 'metadata/once.avro')
    await storage.write(file, [hello])
    await assert.rejects(storage.write(file, [Buffer.from('other')]), { canRetry: true })
  })
}

test('more files than S3 lists at once are all listed, once each', async (t) => {
  const { storage, folder } = await openRoom('s3', t)
  const names = Array.from({ length: 1_040 }, (_, index) => below(folder, `data/${index}.parquet`))
  for (let start = 0; start < names.length; start += 40) {
    await Promise.all(names.slice(start, start + 40).map((name) => storage.write(name, [hello])))
  }
  assert.deepEqual(await listed(storage, folder), names.toSorted())
})

/** The warehouse behind a proxy of its own. */
async function behindProxy(t: TestContext) {
  const { warehouse } = await services.places()
  const proxy = await openProxy(services.port('s3'))
  t.after(() => proxy.close())
  const endpoint = `http://127.0.0.1:${proxy.port}`
  const storage = await openStorage({ ...warehouse, endpoint })
  return { proxy, storage, folder: warehouse.location, warehouse }
}

test('a PUT whose reply is lost has landed, once: the retry finds its own object', async (t) => {
  const { proxy, storage, folder } = await behindProxy(t)
  let cuts = 0
  let isPut = false
  proxy.rules.fromClient = (bytes) => {
    isPut ||= bytes.includes('PUT /')
    return 'forward'
  }
  proxy.rules.fromServer = (bytes) => {
    if (!isPut || !bytes.includes('HTTP/1.1 200') || cuts > 0) return 'forward'
    cuts++
    return 'cut'
  }
  const file = below(folder, 'metadata/lost.avro')
  assert.equal(await storage.write(file, [hello]), 5)
  assert.equal(cuts, 1)
  assert.equal((await storage.read(file)).toString(), 'hello')
})

test('an object of that name with other content is no success of ours', async (t) => {
  const { storage, folder, warehouse } = await behindProxy(t)
  const client = openS3Client(warehouse)
  t.after(() => client.destroy())
  const [, , Bucket = '', ...key] = folder.split('/')
  const Key = [...key, 'metadata/taken.avro'].join('/')
  // As long as ours: the checksum tells them apart.
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'olleh' }))
  const file = below(folder, 'metadata/taken.avro')
  await assert.rejects(storage.write(file, [hello]), {
    code: 's3-failed',
    message: /of 5 bytes with CRC32 \S+ the store has 5/,
  })
  assert.equal((await storage.read(file)).toString(), 'olleh')
  await client.send(new DeleteObjectCommand({ Bucket, Key }))
})

/** A store that refuses the first requests with a status and a code, and passes the others on. */
async function refusing(t: TestContext, status: number, code: string, times: number) {
  const { warehouse } = await services.places()
  let left = times
  const server = createServer((incoming, answer) => {
    if (left-- > 0) {
      incoming.resume()
      answer.writeHead(status, { 'content-type': 'application/xml' })
      answer.end(`<Error><Code>${code}</Code><Message>please wait</Message></Error>`)
      return
    }
    const passed = request(
      {
        port: services.port('s3'),
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 500, reply.headers)
        reply.pipe(answer)
      },
    )
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const endpoint = `http://127.0.0.1:${port}`
  return { storage: await openStorage({ ...warehouse, endpoint }), folder: warehouse.location }
}

for (const [status, code] of [
  [503, 'SlowDown'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
] as const) {
  test(`${status} ${code} is waited out, and not for ever (F15)`, async (t) => {
    const { storage, folder } = await refusing(t, status, code, 3)
    const file = below(folder, 'a.avro')
    await storage.write(file, [hello])
    assert.equal((await storage.read(file)).toString(), 'hello')
    const always = await refusing(t, status, code, Number.POSITIVE_INFINITY)
    await assert.rejects(always.storage.write(below(always.folder, 'b.avro'), [hello]), {
      code: 's3-failed',
      canRetry: true,
    })
  })
}

test('a store without conditional writes is written to all the same', async (t) => {
  const { storage, folder } = await refusing(t, 501, 'NotImplemented', 1)
  const file = below(folder, 'plain.avro')
  await storage.write(file, [hello])
  assert.equal((await storage.read(file)).toString(), 'hello')
})

test('what is wrong is said with what to do: bucket, keys, endpoint', async () => {
  const { warehouse } = await services.places()
  const failing = async (place: Partial<RemotePlaces['warehouse']>): Promise<Error> => {
    const storage = await openStorage({ ...warehouse, ...place })
    const file = below(place.location ?? warehouse.location, 'a.avro')
    const writing = storage.write(file, [hello])
    return await writing.then(
      () => assert.fail('it was written'),
      (error: Error) => error,
    )
  }
  const missing = await failing({ location: 's3://no-such-bucket/x' })
  assert.match(missing.message, /NoSuchBucket.*make the bucket \(campaign-metrics setup does\)/)
  const away = await failing({ endpoint: 'http://127.0.0.1:1' })
  assert.match(
    away.message,
    /at http:\/\/127.0.0.1:1 failed \(.*ECONNREFUSED.*nobody listens there/,
  )
  const { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID } = process.env
  try {
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong'
    assert.match(
      (await failing({})).message,
      /SignatureDoesNotMatch.*correct AWS_SECRET_ACCESS_KEY/,
    )
    process.env.AWS_ACCESS_KEY_ID = 'nobody'
    assert.match(
      (await failing({})).message,
      /does not know this access key: correct AWS_ACCESS_KEY_ID/,
    )
  } finally {
    Object.assign(process.env, { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID })
  }
})

test('setup makes a bucket once, and --dry-run none', async () => {
  const { warehouse } = await services.places()
  const place = { ...warehouse, location: `s3://bucket-${randomUUID().slice(0, 8)}/prefix` }
  assert.equal(await makeWarehouse(place, true), 'missing')
  assert.equal(await makeWarehouse(place, false), 'made')
  assert.equal(await makeWarehouse(place, false), 'found')
  assert.equal(await makeWarehouse(place, true), 'found')
})
