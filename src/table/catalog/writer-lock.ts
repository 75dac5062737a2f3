/**
 * One writer of ours for each catalog: a second process is refused at once (F7). The lock only
 * gives an early answer; what protects the tables is that each commit compares the base it was
 * built on.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { type LockError, reasonOf, takeLock } from '../../runtime.ts'
import { CATALOG_NAME, NAMESPACE } from '../definition.ts'
import { TableError } from '../error.ts'
import { type CatalogPlace, catalogText, type PostgresqlPlace } from '../location.ts'

export type WriterLock = Readonly<{
  /**
   * Takes the lock again where the connection that held it was lost. Throws 'catalog-failed' where
   * there is no connection, and 'locked' where another process was quicker: then this one must not
   * write any more.
   */
  keep(): Promise<void>
  /**
   * One sentence while the lock's file is missing or was replaced; null for a lock that a server
   * keeps.
   */
  fault(): string | null
  /** See `Lock`; null for a lock that a server keeps. */
  lost(): LockError | null
  release(): Promise<void>
}>

/** Throws LockError or TableError 'locked' when another process has it, or may have it. */
export async function openWriterLock(place: CatalogPlace): Promise<WriterLock> {
  if (place.kind === 'postgresql') return await lockInPostgresql(place)
  const file = path.resolve(place.path)
  const lock = await takeLock(`${file}.lock`, `the catalog ${file}`, existsSync(file))
  return {
    async keep() {},
    fault: lock.fault,
    lost: lock.lost,
    async release() {
      lock.release()
    },
  }
}

async function lockInPostgresql(place: PostgresqlPlace): Promise<WriterLock> {
  const { takeWriterLock } = await import('./postgresql.ts')
  const catalog = catalogText(place)
  const what = `campaign-metrics writer of ${CATALOG_NAME}.${NAMESPACE}`

  async function take() {
    try {
      return await takeWriterLock(place, what)
    } catch (error) {
      if (error instanceof TableError) throw error
      throw new TableError('catalog-failed', { catalog, reason: reasonOf(error) }, error)
    }
  }

  const first = await take()
  if ('holder' in first) throw new TableError('locked', { catalog, holder: first.holder })
  let held = first
  return {
    async keep() {
      if (held.isHeld()) return
      const again = await take()
      if (!('holder' in again)) held = again
      // The server may not have noticed yet that our own session ended: the next commit asks again.
      else if (!again.isOwn) throw new TableError('locked', { catalog, holder: again.holder })
    },
    fault: () => null,
    lost: () => null,
    release: () => held.release(),
  }
}
