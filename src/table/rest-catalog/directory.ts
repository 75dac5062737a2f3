/**
 * Which tables the REST catalog has, by their names. It is passed in, so that Iceberg's
 * compatibility kit can be run on the same code with namespaces and tables of its own.
 */
import { NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from '../definition.ts'

/** By namespace, its levels joined as in a path, and by name. */
export type Directory = ReadonlyMap<string, ReadonlyMap<string, TableKey>>

export const TWO_TABLES: Directory = new Map([
  [NAMESPACE, new Map(TABLE_KEYS.map((key) => [TABLES[key].name, key]))],
])

/** The spec joins namespaces of several levels by this character. */
export const LEVEL_SEPARATOR = '\u001f'

export function keyIn(directory: Directory, namespace: string, name: string): TableKey | null {
  return directory.get(namespace)?.get(name) ?? null
}
