/** Through what the REST catalog commits for its clients: the process that writes the tables. */
import type { ClientChange, ClientRefusal } from '../client-commit.ts'
import type { TableKey } from '../definition.ts'
import type { TableMetadataText } from '../table-metadata.ts'

/**
 * `unknown`: it may have been committed. `unavailable`: it was not, and may be later; nothing has
 * changed.
 */
export type ClientAnswer =
  | ClientRefusal
  | Readonly<{
      kind: 'committed'
      tables: Readonly<Partial<Record<TableKey, TableMetadataText>>>
    }>
  | Readonly<{ kind: 'unknown' | 'unavailable'; message: string }>

export type LakeWriter = Readonly<{
  /** A client is about to load a table, and may then commit. Does not reject. */
  expect(): Promise<void>
  /** All tables in one transaction, or none. Does not reject. */
  commit(changes: readonly ClientChange[]): Promise<ClientAnswer>
}>

/** Where clients cannot commit, why. */
export type NoWriter = Readonly<{ reason: string }>
