/**
 * Retired files: manifests and data files that the current snapshot no longer holds, but an older, kept one may. Each
 * knows the range of sequence numbers whose snapshots hold it; once no kept snapshot is in that range, the file is free
 * to be removed. So nothing is ever listed or compared with the whole history.
 *
 *   kept snapshots     12         17 18 19 20 (current)
 *   retired file        └ 11…16 ┘             12 holds it: it stays
 *   retired file            13…16             free
 */

export type Retired = Readonly<{ path: string; first: number; last: number }>

export type RetiredSplit = Readonly<{ held: readonly Retired[]; free: readonly string[] }>

/** `kept`: sequence numbers of the kept snapshots, ascending. */
export function splitRetired(retired: readonly Retired[], kept: readonly number[]): RetiredSplit {
  const held: Retired[] = []
  const free: string[] = []
  for (const file of retired) {
    const next = kept[lowerBound(kept, file.first)]
    if (next !== undefined && next <= file.last) held.push(file)
    else free.push(file.path)
  }
  return { held, free }
}

/** The index of the first value that is not below `least`. */
function lowerBound(ascending: readonly number[], least: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < least) low = middle + 1
    else high = middle
  }
  return low
}
