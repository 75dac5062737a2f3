/** The bytes on disk, against the layout written out by hand and a checksum computed bit by bit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markFrom } from '../../src/log/segment.ts'
import { inRoom, START_US, withLog } from './room.ts'

/**
 * CRC-32C from its definition (RFC 3720, B.4), to have another implementation than the one under
 * test.
 */
function crc32cByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

test('the checksum of the test is CRC-32C', () => {
  assert.equal(crc32cByBits(Buffer.from('123456789')), 0xe3069283)
})

test('a segment is its header, its frames, and zeros; each field is where the layout says', () =>
  inRoom(async ({ options, disk }) => {
    const id = await withLog({ ...options, files: disk.files }, async (log) => {
      await log.append(Buffer.from('{"a":1}\n{"b":2}\n'), 2, log.stampUs())
      await log.append(Buffer.from('{}\n'), 1, log.stampUs() + 5)
      return log.id
    })
    const bytes = disk.content('00000000000000000000.segment')
    assert.equal(bytes.length, 16 * 1024)
    assert.equal(bytes.toString('latin1', 0, 4), 'CMLG')
    assert.equal(bytes.readUInt32LE(4), 1)
    assert.equal(bytes.toString('hex', 8, 24), id.replaceAll('-', ''))
    assert.equal(bytes.readBigInt64LE(24), 0n)
    assert.equal(bytes.readBigInt64LE(32), -1n)
    assert.equal(bytes.readBigInt64LE(40), 0n)
    assert.equal(bytes.readBigInt64LE(48), 16384n)
    const mark = bytes.readUInt32LE(56)
    assert.equal(bytes[56], 0xff)
    assert.equal(bytes.readUInt32LE(60), crc32cByBits(bytes.subarray(0, 60)))

    const frameAt = (at: number) => {
      const length = bytes.readUInt32LE(at + 4)
      const covered = [bytes.subarray(at, at + 8), bytes.subarray(at + 12, at + 32 + length)]
      assert.equal(bytes.readUInt32LE(at), mark)
      assert.equal(bytes.readUInt32LE(at + 8), crc32cByBits(Buffer.concat(covered)))
      return {
        count: bytes.readUInt32LE(at + 12),
        arrival: bytes.readBigInt64LE(at + 16),
        firstOffset: bytes.readBigInt64LE(at + 24),
        text: bytes.toString('utf8', at + 32, at + 32 + length),
      }
    }
    const arrival = BigInt(START_US)
    const [first, second] = ['{"a":1}\n{"b":2}\n', '{}\n']
    assert.deepEqual(frameAt(4096), { count: 2, arrival, firstOffset: 0n, text: first })
    // 32 + 16 bytes; then 32 + 3 and 5 of padding; then the seal.
    assert.deepEqual(frameAt(4144), {
      count: 1,
      arrival: arrival + 5n,
      firstOffset: 2n,
      text: second,
    })
    assert.deepEqual(frameAt(4184), { count: 0, arrival: arrival + 5n, firstOffset: 3n, text: '' })
    assert(bytes.subarray(4179, 4184).every((byte) => byte === 0))
    assert(bytes.subarray(4216).every((byte) => byte === 0))
  }))

test('what was written is on the disk when it is answered: a power cut takes none of it', () =>
  inRoom(async ({ options, disk }) => {
    await withLog({ ...options, files: disk.files }, async (log) => {
      await log.append(Buffer.from('{"a":1}\n'), 1, log.stampUs())
      const after = disk.afterPowerCut(() => 0.999)
      const name = '00000000000000000000.segment'
      assert.deepEqual(after.content(name), disk.content(name))
    })
  }))

test('a mark begins with a byte that no UTF-8 text holds, and keeps all its random bits', () => {
  for (const random of [0, 1, 2, 0x7fffff, 0x800000, 0xabcdef, 0xffffff]) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(markFrom(random))
    assert.equal(bytes[0], 0xff)
    assert.equal(bytes.readUIntLE(1, 3), random)
  }
})
