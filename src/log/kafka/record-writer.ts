/**
 * Writes the records of one batch into one buffer that grows. Each record, its integers zigzag
 * varints but for the attributes:
 *
 *   length │ attributes i8 0 │ timestamp delta 0 │ offset delta
 *          │ key length │ key │ value length │ value │ headers 0
 */

const FIRST_BYTES = 16 * 1024
/**
 * Five varints of at most five bytes and the attributes; the timestamp delta and the count of
 * headers take one each.
 */
const RECORD_OVERHEAD_BYTES_MAX = 24

export class RecordWriter {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0
  #count = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  get length(): number {
    return this.#length
  }

  get count(): number {
    return this.#count
  }

  /** `key[keyStart, keyEnd)` and `value[start, end)` are copied. */
  add(
    key: Buffer,
    keyStart: number,
    keyEnd: number,
    value: Buffer,
    start: number,
    end: number,
  ): void {
    const keyBytes = keyEnd - keyStart
    const valueBytes = end - start
    const body =
      3 +
      varintBytes(this.#count) +
      varintBytes(keyBytes) +
      keyBytes +
      varintBytes(valueBytes) +
      valueBytes
    this.#reserve(body + RECORD_OVERHEAD_BYTES_MAX)
    this.#varint(body)
    this.#byte(0)
    this.#byte(0)
    this.#varint(this.#count)
    this.#varint(keyBytes)
    this.#length += key.copy(this.#bytes, this.#length, keyStart, keyEnd)
    this.#varint(valueBytes)
    this.#length += value.copy(this.#bytes, this.#length, start, end)
    this.#byte(0)
    this.#count += 1
  }

  #byte(value: number): void {
    this.#bytes[this.#length] = value
    this.#length += 1
  }

  /** Zigzag of a number that is not negative is twice the number. */
  #varint(value: number): void {
    let rest = value * 2
    while (rest > 0x7f) {
      this.#byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#byte(rest)
  }

  #reserve(bytes: number): void {
    const needBytes = this.#length + bytes
    if (needBytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needBytes, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) bytes += 1
  return bytes
}
