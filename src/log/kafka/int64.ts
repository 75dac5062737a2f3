/** 64-bit big-endian integers as JavaScript numbers: offsets and milliseconds are far below 2^53. */

const TWO_32 = 2 ** 32

export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}
