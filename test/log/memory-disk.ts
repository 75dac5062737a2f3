/**
 * A disk in memory that forgets as a real one does: what is not synced may be lost, sector by
 * sector, when the power goes; a failed sync leaves bytes that read well and are not on the disk.
 * So that the log can be tried against every power cut, and not only kill -9.
 */
import { basename } from 'node:path'
import type { LogFiles } from '../../src/log.ts'

const SECTOR_BYTES = 512

type Inode = { cache: Buffer; disk: Buffer; dirty: Set<number> }

export type DiskOperation = keyof LogFiles

export class MemoryDisk {
  /** The name of an error that this operation meets, or null. Asked before each operation. */
  fault: (operation: DiskOperation, name: string) => string | null = () => null
  /** How many of so many bytes one write takes. */
  accept: (bytes: number) => number = (bytes) => bytes
  freeBytes: number = 2 ** 40
  readonly files: LogFiles
  readonly #open = new Map<number, { name: string; inode: Inode }>()
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #pendingNames: Map<string, Inode>[] = []
  #nextFile = 3

  constructor() {
    this.files = {
      createFolder: async () => {},
      list: async (path) => {
        this.#meet('list', path)
        return [...this.#names.keys()]
      },
      freeBytes: async (path) => {
        this.#meet('freeBytes', path)
        return this.freeBytes
      },
      open: async (path, mode) => this.#openFile(basename(path), mode),
      close: async (file) => {
        this.#meet('close', this.#at(file).name)
        this.#open.delete(file)
      },
      size: async (file) => this.#at(file).inode.cache.length,
      read: async (file, into, position) => {
        const { inode, name } = this.#at(file)
        this.#meet('read', name)
        return inode.cache.copy(into, 0, position)
      },
      write: async (file, pieces, position) => this.#write(file, Buffer.concat(pieces), position),
      sync: async (file) => this.#sync(file),
      rename: async (from, to) => {
        this.#meet('rename', basename(from))
        this.#rename(basename(from), basename(to))
      },
      remove: async (path) => {
        this.#meet('remove', basename(path))
        this.#rename(basename(path), null)
      },
      syncFolder: async (path) => {
        this.#meet('syncFolder', path)
        this.#durableNames = this.#names
        this.#pendingNames = []
      },
    }
  }

  /** The content of a file, to be looked at or spoilt. */
  content(name: string): Buffer {
    const inode = this.#names.get(name)
    if (inode === undefined) throw new Error(`no file ${name}`)
    return inode.cache
  }

  replace(name: string, content: Buffer): void {
    this.#names.set(name, { cache: content, disk: Buffer.from(content), dirty: new Set() })
    this.#durableNames = this.#names
  }

  /** How many files are open now. */
  get openFiles(): number {
    return this.#open.size
  }

  names(suffix = ''): string[] {
    return [...this.#names.keys()].filter((name) => name.endsWith(suffix)).sort()
  }

  /** What another process finds after this one was killed. */
  afterKill(): MemoryDisk {
    const next = new MemoryDisk()
    const copies = new Map<Inode, Inode>()
    const copy = (inode: Inode): Inode => {
      const { cache, disk, dirty } = inode
      const made = copies.get(inode) ?? {
        cache: Buffer.from(cache),
        disk: Buffer.from(disk),
        dirty: new Set(dirty),
      }
      copies.set(inode, made)
      return made
    }
    const copyAll = (names: Map<string, Inode>) =>
      new Map([...names].map(([name, inode]) => [name, copy(inode)]))
    next.#names = copyAll(this.#names)
    next.#durableNames = copyAll(this.#durableNames)
    next.#pendingNames = this.#pendingNames.map(copyAll)
    return next
  }

  /**
   * What is found after a power cut: of what was not synced, whichever sectors and names `random`
   * (0 to 1) lets through.
   */
  afterPowerCut(random: () => number): MemoryDisk {
    const next = new MemoryDisk()
    const kept = Math.floor(random() * (this.#pendingNames.length + 1))
    const names = kept === 0 ? this.#durableNames : this.#pendingNames[kept - 1]
    for (const [name, inode] of names ?? []) {
      const content = Buffer.from(inode.disk)
      const written = [...inode.dirty].filter(() => random() < 0.5)
      next.replace(name, writeSectors(content, inode.cache, written))
    }
    return next
  }

  #openFile(name: string, mode: 'read' | 'write' | 'create'): number {
    this.#meet('open', name)
    if (mode === 'create') {
      const inode = { cache: Buffer.alloc(0), disk: Buffer.alloc(0), dirty: new Set<number>() }
      this.#names = new Map(this.#names).set(name, inode)
      this.#pendingNames.push(this.#names)
    }
    const inode = this.#names.get(name)
    if (inode === undefined) throw systemError('ENOENT')
    this.#open.set(this.#nextFile, { name, inode })
    return this.#nextFile++
  }

  #write(file: number, bytes: Buffer, position: number): number {
    const { inode, name } = this.#at(file)
    this.#meet('write', name)
    const written = bytes.subarray(0, this.accept(bytes.length))
    const end = position + written.length
    if (end > inode.cache.length) inode.cache = lengthened(inode.cache, end)
    written.copy(inode.cache, position)
    for (let at = position - (position % SECTOR_BYTES); at < end; at += SECTOR_BYTES) {
      inode.dirty.add(at)
    }
    return written.length
  }

  #sync(file: number): void {
    const { inode, name } = this.#at(file)
    try {
      this.#meet('sync', name)
      inode.disk = writeSectors(inode.disk, inode.cache, inode.dirty)
    } finally {
      inode.dirty.clear()
    }
  }

  #rename(from: string, to: string | null): void {
    const inode = this.#names.get(from)
    this.#names = new Map(this.#names)
    this.#names.delete(from)
    if (inode !== undefined && to !== null) this.#names.set(to, inode)
    this.#pendingNames.push(this.#names)
  }

  #at(file: number): { name: string; inode: Inode } {
    const found = this.#open.get(file)
    if (found === undefined) throw systemError('EBADF')
    return found
  }

  #meet(operation: DiskOperation, name: string): void {
    const code = this.fault(operation, name)
    if (code !== null) throw systemError(code)
  }
}

function writeSectors(disk: Buffer, cache: Buffer, sectors: Iterable<number>): Buffer {
  const written = disk.length < cache.length ? lengthened(disk, cache.length) : disk
  for (const at of sectors) cache.copy(written, at, at, Math.min(cache.length, at + SECTOR_BYTES))
  return written
}

function lengthened(bytes: Buffer, length: number): Buffer {
  const longer = Buffer.alloc(length)
  bytes.copy(longer)
  return longer
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}
