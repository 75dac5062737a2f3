/**
 * Files that nothing refers to any more, kept for readers that loaded the tables while something
 * did. Each stays for the grace, within a limit of bytes:
 *
 *   in the current snapshot ──► left it ──► no kept snapshot has it ─── grace ───► due
 *                               leftMs      sinceMs
 *
 * Over the limit, old metadata files go first, because a reader that has loaded one seldom opens it
 * again. Among the others, those go first that left the current snapshot longest ago. A reader of
 * the current tables loses nothing before the grace is over, unless a file goes that left less than
 * the grace ago; then the list knows how short the grace has become.
 */

/** Times are steady, in milliseconds. */
export type HeldFile = Readonly<{ path: string; bytes: number; leftMs: number; sinceMs: number }>

export type GraceLimits = Readonly<{ graceMs: number; bytesMax: number }>

/** Why a file went before its time. */
export type Shortage = 'bytes' | 'files' | 'disk'

/** `ms`: how long files really stay. */
export type ShortGrace = Readonly<{ ms: number; cause: Shortage }>

/** The limit of memory: some 250 bytes a file. */
const FILES_MAX = 250_000
/** What is over a limit goes in larger steps, so that the files are seldom sorted. */
const STEP = 1 / 32
/** Files that are due at one moment, as those found at a start, go over some seconds. */
const DUE_AT_ONCE = 500

type Loss = Readonly<{ leftMs: number; cause: Shortage }>
type FileKind = 'metadata' | 'other'

export class GraceList {
  readonly #limits: GraceLimits
  /** In the order in which they came. */
  #held: HeldFile[] = []
  #bytes = 0
  /** Of each kind, the file that went early and had left the tables last. */
  readonly #losses = new Map<FileKind, Loss>()

  constructor(limits: GraceLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  get files(): readonly HeldFile[] {
    return this.#held
  }

  add(files: readonly HeldFile[]): void {
    for (const file of files) {
      this.#held.push(file)
      this.#bytes += file.bytes
    }
  }

  /**
   * Takes out the files that are to be removed now: those that are due, and then what exceeds the
   * limits. `missingBytes`: what the disk lacks.
   */
  take(nowMs: number, missingBytes: number): readonly HeldFile[] {
    const { graceMs, bytesMax } = this.#limits
    const first = this.#held.findIndex(({ sinceMs }) => sinceMs + graceMs > nowMs)
    const over = first === -1 ? this.#held.length : first
    const due = this.#held.splice(0, missingBytes > 0 ? over : Math.min(over, DUE_AT_ONCE))
    this.#bytes -= bytesOf(due)
    const early: HeldFile[] = []
    const dueBytes = bytesOf(due)
    if (missingBytes > dueBytes) early.push(...this.#evict('disk', missingBytes - dueBytes, 0))
    if (this.#bytes > bytesMax) {
      early.push(...this.#evict('bytes', this.#bytes - bytesMax * (1 - STEP), 0))
    }
    if (this.#held.length > FILES_MAX) {
      early.push(...this.#evict('files', 0, this.#held.length - FILES_MAX * (1 - STEP)))
    }
    return [...due, ...early]
  }

  /** How long files really stay, where that is less than the grace. */
  shortGrace(nowMs: number, kind: FileKind): ShortGrace | null {
    const loss = this.#losses.get(kind)
    if (loss === undefined || nowMs - loss.leftMs >= this.#limits.graceMs) return null
    return { ms: Math.max(0, nowMs - loss.leftMs), cause: loss.cause }
  }

  #evict(cause: Shortage, bytes: number, count: number): readonly HeldFile[] {
    const evicted = new Set<HeldFile>()
    let freed = 0
    for (const file of this.#held.toSorted(byRank)) {
      if (freed >= bytes && evicted.size >= count) break
      evicted.add(file)
      freed += file.bytes
      const kind = kindOf(file)
      const before = this.#losses.get(kind)
      if (before === undefined || file.leftMs > before.leftMs) {
        this.#losses.set(kind, { leftMs: file.leftMs, cause })
      }
    }
    this.#held = this.#held.filter((file) => !evicted.has(file))
    this.#bytes -= freed
    return [...evicted]
  }
}

function byRank(a: HeldFile, b: HeldFile): number {
  if (kindOf(a) !== kindOf(b)) return kindOf(a) === 'metadata' ? -1 : 1
  return a.leftMs - b.leftMs
}

function kindOf({ path }: HeldFile): FileKind {
  return path.endsWith('.metadata.json') ? 'metadata' : 'other'
}

function bytesOf(files: readonly HeldFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
