/**
 * The grace for readers: files of expired snapshots and old metadata files are removed only after a
 * while, because a reader that loaded the tables before still opens them. The list is in memory; at
 * a start, files that nothing refers to join it (orphan-files.ts), so that a kill loses none.
 */
import { allOf } from '../runtime.ts'
import { TableError } from './error.ts'
import { GraceList, type HeldFile, type Shortage } from './grace-list.ts'
import type { Storage, StoredFile } from './storage.ts'

export type ReaderLimits = Readonly<{
  /** How long files stay once nothing refers to them; 0 removes them at once. */
  graceMs: number
  /** The bytes of all such files together; past it, the oldest go early. */
  bytesMax: number
  /** Free disk space below which they go early. */
  diskReserveBytes: number
}>

const GIB = 2 ** 30
export const READER_LIMITS: ReaderLimits = {
  graceMs: 3_600_000,
  bytesMax: 4 * GIB,
  diskReserveBytes: 0,
}

/** `leftMs`: when it left the current snapshot, on the steady clock. */
export type FreeFile = Readonly<{ path: string; leftMs: number }>

export type ReaderGrace = Readonly<{
  /** Takes files that nothing refers to from now on. */
  retire(files: readonly FreeFile[]): void
  /** The same for files found in the tables' folders. */
  retireFound(files: readonly StoredFile[]): void
  /** The paths of all files that are waiting. */
  paths(): ReadonlySet<string>
  /**
   * Removes the files whose time is over. `referenced`: the paths that the tables refer to by then;
   * such a file stays, whatever the reason.
   */
  collect(referenced: () => ReadonlySet<string>): Promise<void>
  /** One sentence while files stay for less than the grace, else none. */
  notices(): readonly string[]
}>

type Parts = Readonly<{
  storage: Pick<Storage, 'freeBytes' | 'remove' | 'sizeOf'>
  /** The warehouse. */
  folder: string
  limits: ReaderLimits
  steadyMs: () => number
}>

const AT_ONCE = 16
/** So much of the reserve is left when files begin to go early: before events are refused. */
const RESERVE_MARGIN = 1 / 4

export function openReaderGrace({ storage, folder, limits, steadyMs }: Parts): ReaderGrace {
  const list = new GraceList(limits)
  /** Files whose size is not known yet. */
  let unsized: (FreeFile & Readonly<{ sinceMs: number }>)[] = []
  let collecting: Promise<void> = Promise.resolve()

  async function addUnsized(): Promise<void> {
    const sized = await allOf(unsized.slice(), AT_ONCE, async (file): Promise<HeldFile | null> => {
      try {
        return { ...file, bytes: await storage.sizeOf(file.path) }
      } catch (error) {
        // One that is gone needs no removal; of any other the size does not matter as much.
        return isLost(error) ? null : { ...file, bytes: 0 }
      }
    })
    unsized = unsized.slice(sized.length)
    list.add(sized.filter((file) => file !== null))
  }

  async function missingBytes(): Promise<number> {
    if (limits.diskReserveBytes === 0) return 0
    const freeBytes = await storage.freeBytes(folder).catch(() => null)
    if (freeBytes === null) return 0
    return Math.max(0, limits.diskReserveBytes * (1 + RESERVE_MARGIN) - freeBytes)
  }

  async function collect(referenced: () => ReadonlySet<string>): Promise<void> {
    await addUnsized()
    const over = list.take(steadyMs(), await missingBytes())
    if (over.length === 0) return
    const kept = referenced()
    const paths = over.map(({ path }) => path).filter((path) => !kept.has(path))
    // A file that stays behind only costs space, and the orphan sweep finds it.
    await allOf(paths, AT_ONCE, (path) => storage.remove(path).catch(() => {}))
  }

  return {
    retire(files) {
      const sinceMs = steadyMs()
      for (const file of files) unsized.push({ ...file, sinceMs })
    },
    retireFound(files) {
      const nowMs = steadyMs()
      list.add(files.map(({ path, bytes }) => ({ path, bytes, leftMs: nowMs, sinceMs: nowMs })))
    },
    paths: () => new Set([...unsized, ...list.files].map(({ path }) => path)),
    collect(referenced) {
      const turn = (): Promise<void> => collect(referenced)
      collecting = collecting.then(turn, turn)
      return collecting
    },
    notices() {
      const nowMs = steadyMs()
      const short = list.shortGrace(nowMs, 'other')
      const shortMetadata = list.shortGrace(nowMs, 'metadata')
      const [what, found] =
        short === null
          ? (['old metadata files', shortMetadata] as const)
          : (['files of expired snapshots', short] as const)
      if (found === null) return []
      const asked = `retention.readers asks for ${limits.graceMs / 1000} s`
      const stay = `${what} stay for ${Math.floor(found.ms / 1000)} s only`
      return [`${stay}, ${asked}: ${REMEDIES[found.cause]}`]
    },
  }
}

const REMEDIES: Readonly<Record<Shortage, string>> = {
  bytes: 'they reach retention.readersMax; raise it, or readers that take longer will fail',
  files: 'there are too many of them; raise commitInterval, or readers that take longer will fail',
  disk:
    'the disk has less free space than diskReserve and a quarter; make room, or readers that ' +
    'take longer will fail',
}

function isLost(error: unknown): boolean {
  return error instanceof TableError && error.code === 'file-lost'
}
