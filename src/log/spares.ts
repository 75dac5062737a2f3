/** Files that will become segments: full of zeros, or of what a recycled segment held. */
import { join } from 'node:path'
import { nullIfMissing, systemCode } from '../runtime.ts'
import { fullError, isOutOfFiles, type LogError } from './error.ts'
import { type LogFiles, type LogStep, sizeOf, writeFully } from './files.ts'

/** More spares than this are not kept: further segments are removed. */
const SPARES_MAX = 4
/**
 * Zeros are synced in steps of this size, so that a group's sync does not wait for 64 MiB of them.
 */
const FILL_BYTES = 2 * 1024 * 1024

export type Spare = Readonly<{ path: string; fileBytes: number }>

type SparesOptions = Readonly<{
  directory: string
  segmentBytes: number
  files: LogFiles
  onStep: (step: LogStep) => void
}>

export class Spares {
  readonly #options: SparesOptions
  readonly #ready: Spare[] = []
  #nextNumber = 0

  constructor(options: SparesOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#ready.length
  }

  get bytes(): number {
    return this.#ready.reduce((sum, { fileBytes }) => sum + fileBytes, 0)
  }

  /** Takes over the spares of the former run; removes half-made ones and those of another size. */
  async adopt(names: readonly string[]): Promise<void> {
    const { directory, files, segmentBytes } = this.#options
    for (const name of names) {
      const parts = /^spare-(\d+)\.(spare|new)$/.exec(name)
      if (parts === null) continue
      this.#nextNumber = Math.max(this.#nextNumber, Number(parts[1]) + 1)
      const path = join(directory, name)
      const fileBytes = parts[2] === 'spare' ? await sizeOf(files, path) : 0
      if (fileBytes === segmentBytes && this.#ready.length < SPARES_MAX) {
        this.#ready.push({ path, fileBytes })
      } else {
        await files.remove(path)
      }
    }
  }

  /** A spare that is ready; null when there is none. */
  take(): Spare | null {
    return this.#ready.pop() ?? null
  }

  /** Takes back one that was not used after all. */
  putBack(spare: Spare): void {
    this.#ready.push(spare)
  }

  /** Makes a spare. Throws `full` when the disk has no room for it, with nothing left behind. */
  async fill(): Promise<void> {
    const { directory, files, onStep, segmentBytes } = this.#options
    const path = this.#newPath()
    const unfinishedPath = path.replace(/spare$/, 'new')
    try {
      await fillWithZeros(files, unfinishedPath, segmentBytes)
    } catch (cause) {
      await files.remove(unfinishedPath).catch(() => {})
      if (isOutOfFiles(cause)) throw noFile(directory, cause)
      const code = systemCode(cause)
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause
      throw fullError('disk', `no room for a segment in ${directory}`, { segmentBytes }, cause)
    }
    onStep('spare-filled')
    await files.rename(unfinishedPath, path)
    this.#ready.push({ path, fileBytes: segmentBytes })
  }

  /** Makes a spare of a segment that is no longer needed, or removes it. The folder is synced. */
  async give(segmentPath: string, fileBytes: number): Promise<void> {
    const { directory, files, onStep, segmentBytes } = this.#options
    const mayRecycle = fileBytes === segmentBytes && this.#ready.length < SPARES_MAX
    const path = this.#newPath()
    const rename = (): Promise<true> => files.rename(segmentPath, path).then(() => true)
    // The file may be gone already: it was no longer needed.
    const recycle = mayRecycle && (await nullIfMissing(rename())) === true
    if (!recycle) await files.remove(segmentPath)
    await files.syncFolder(directory)
    if (recycle) this.#ready.push({ path, fileBytes })
    onStep(recycle ? 'segment-recycled' : 'segment-removed')
  }

  #newPath(): string {
    const path = join(this.#options.directory, `spare-${this.#nextNumber}.spare`)
    this.#nextNumber += 1
    return path
  }
}

async function fillWithZeros(files: LogFiles, path: string, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(bytes, FILL_BYTES))
  const file = await files.open(path, 'create')
  try {
    for (let position = 0; position < bytes; position += zeros.length) {
      const piece = zeros.subarray(0, Math.min(zeros.length, bytes - position))
      await writeFully(files, file, [piece], position)
      await files.sync(file)
    }
  } finally {
    await files.close(file)
  }
}

/** Nothing has changed: a segment can be begun later. */
export function noFile(directory: string, cause: unknown): LogError {
  return fullError('openFiles', `no file can be opened in ${directory}`, { directory }, cause)
}
