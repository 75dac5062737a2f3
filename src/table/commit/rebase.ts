/**
 * Whether a commit that was overtaken may be built again on what another program has committed.
 *
 *   tags, properties, statistics, new columns    carried on
 *   snapshots on top of ours                     carried on; our next snapshot records them
 *   a snapshot of another process of ours        never: two jobs would count the same events
 *   the current snapshot set back, or our        not until it is undone: events wait in the log
 *   own properties changed
 */
import { TABLE_KEYS, TABLES } from '../definition.ts'
import { TableError } from '../error.ts'
import { PROPERTY_KEYS } from '../keys.ts'
import type { States, TableState } from '../load-table.ts'
import { historyOf, isOwn, type Snapshot } from '../snapshot.ts'

/** Throws TableError `commit-conflict`, or one that says what has to be undone. */
export function requireContinued(known: States, found: States): void {
  for (const key of TABLE_KEYS) {
    const [before, after] = [known[key], found[key]]
    if (before.metadataPath === after.metadataPath) continue
    const conflict = new TableError('commit-conflict', {
      table: TABLES[key].name,
      base: before.metadataPath,
      current: after.metadataPath,
    })
    if (before.metadata.uuid !== after.metadata.uuid) throw conflict
    requireProperties(before, after)
    const current = before.metadata.current
    if (current === null || after.metadata.current?.id === current.id) continue
    const since = snapshotsSince(after, current)
    if (since === null) {
      const now = after.metadata.current?.id ?? 'none'
      const facts = { table: TABLES[key].name, known: String(current.id), found: String(now) }
      throw new TableError('set-back', facts)
    }
    if (since.some(isOwn)) throw conflict
  }
}

function requireProperties(before: TableState, after: TableState): void {
  const values = ({ metadata }: TableState): readonly (readonly [string, string])[] => [
    ...[PROPERTY_KEYS.writer, PROPERTY_KEYS.window].map(
      (name) => [`the property ${name}`, metadata.properties[name] ?? 'nothing'] as const,
    ),
    ['the location', metadata.folder],
  ]
  const now = new Map(values(after))
  for (const [name, wanted] of values(before)) {
    const found = now.get(name) ?? 'nothing'
    if (found === wanted) continue
    throw new TableError('other-property', { table: after.table.name, name, wanted, found })
  }
}

/** Those between it and the current one; null where the current one does not descend from it. */
function snapshotsSince({ metadata }: TableState, known: Snapshot): readonly Snapshot[] | null {
  const since: Snapshot[] = []
  for (const snapshot of historyOf(metadata)) {
    if (snapshot.id === known.id) return since
    since.push(snapshot)
    // It may have expired since.
    if (snapshot.parentId === known.id) return since
  }
  return null
}
