/** 64-bit little-endian integers as JavaScript numbers: offsets and microseconds are far below 2^53, and need no bigint. */

const TWO_32 = 2 ** 32

/** Exact between -2^53 and 2^53; bytes that hold more (only damaged ones do) come out rounded. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32LE(at + 4) * TWO_32 + bytes.readUInt32LE(at)
}

export function writeInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32LE(Math.floor(value / TWO_32), at + 4)
  bytes.writeUInt32LE(value >>> 0, at)
}
