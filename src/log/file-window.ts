/**
 * A part of a file in memory: one big read serves many frames. The memory is used again by the next `fill`, so views of it are
 * valid until then.
 */
import type { LogFiles } from './files.ts'

export class FileWindow {
  readonly #files: LogFiles
  readonly #chunkBytes: number
  #memory: Buffer
  #position = 0
  #length = 0

  constructor(files: LogFiles, chunkBytes: number) {
    this.#files = files
    this.#chunkBytes = chunkBytes
    this.#memory = Buffer.allocUnsafeSlow(chunkBytes)
  }

  /** What is in memory from `position` on; empty when nothing is. */
  from(position: number): Buffer {
    const start = position - this.#position
    if (start < 0 || start >= this.#length) return this.#memory.subarray(0, 0)
    return this.#memory.subarray(start, this.#length)
  }

  /** Reads at least `needBytes` from `position` on, unless the file ends before, and up to `wantBytes` or a chunk. */
  async fill(
    file: number,
    position: number,
    needBytes: number,
    wantBytes: number,
  ): Promise<Buffer> {
    if (needBytes > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(needBytes)
    const readBytes = Math.max(needBytes, Math.min(wantBytes, this.#chunkBytes))
    this.#position = position
    this.#length = 0
    while (this.#length < needBytes) {
      const into = this.#memory.subarray(this.#length, readBytes)
      const bytes = await this.#files.read(file, into, position + this.#length)
      if (bytes === 0) break
      this.#length += bytes
    }
    return this.from(position)
  }

  /** Forgets what is in memory, because the file has changed or is another one. */
  forget(): void {
    this.#length = 0
  }
}
