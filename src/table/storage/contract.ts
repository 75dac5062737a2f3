/**
 * What the tables need of the place where their files are stored. A file is written once, under a
 * name never used before, and never changed.
 */

export type StoredFile = Readonly<{ path: string; bytes: number; changedMs: number }>

export type Storage = Readonly<{
  /**
   * Creates the file, folders included, and waits until its content is durable. Returns its size.
   */
  write(path: string, chunks: readonly Uint8Array[], onWritten?: () => void): Promise<number>
  /**
   * Puts a file that another program wrote to `local` in its place and waits until its content is
   * durable. On a disk it is there already.
   */
  take(local: string, path: string): Promise<void>
  /** Waits until every name added since the last call is durable. */
  syncFolders(): Promise<void>
  read(path: string): Promise<Buffer>
  readRange(path: string, start: number, end: number): Promise<Buffer>
  sizeOf(path: string): Promise<number>
  /** Free space on the disk of a folder; null where the place has no such limit. */
  freeBytes(folder: string): Promise<number | null>
  /** Removes a file; a file that is already gone is no error. */
  remove(path: string): Promise<void>
  removeFolderIfEmpty(path: string): Promise<void>
  /** Files in a folder and below it; none if the folder is missing. */
  list(folder: string): AsyncIterable<StoredFile>
}>
