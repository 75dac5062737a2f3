/**
 * Statistics files (spec: "Table Statistics", "Partition Statistics"): other programs make them for one snapshot each. When that
 * expires, its entry goes, as Java does it, and then the file.
 */

import { pathOf } from './location.ts'

const LISTS = ['statistics', 'partition-statistics'] as const

type Fields = Readonly<Record<string, unknown>>

export function withoutExpired(
  others: Fields,
  kept: ReadonlySet<bigint>,
): Readonly<{ kept: Fields; free: readonly string[] }> {
  const lists: Record<string, unknown> = {}
  const free: string[] = []
  for (const name of LISTS) {
    const entries = others[name]
    if (!Array.isArray(entries)) continue
    const isKept = (entry: Fields): boolean => kept.has(entry['snapshot-id'] as bigint)
    lists[name] = entries.filter(isKept)
    for (const entry of entries) {
      const path: unknown = entry['statistics-path']
      if (!isKept(entry) && typeof path === 'string') free.push(pathOf(path))
    }
  }
  return { kept: lists, free }
}
