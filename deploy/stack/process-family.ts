/**
 * The processes of this machine as Linux lists them under /proc: who started when, and who belongs
 * to whom. A service is its first process with its group and all it started (PostgreSQL gives each
 * of its own a group).
 */

import { readdirSync, readFileSync } from 'node:fs'

/** Among the fields after state, parent and group. */
const START_TIME_AT = 16

type Entry = Readonly<{
  pid: number
  parent: number
  group: number
  /** Clock ticks between the machine's start and its own. */
  startTime: string
  /** It has ended, and nobody asked for its exit code yet. Its id is still taken. */
  isZombie: boolean
}>

/** A process, or its zombie; null when there is neither. */
export function findProcess(pid: number): Entry | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold spaces; what follows it does not.
    const [state = '', parent, group, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      pid,
      parent: Number(parent),
      group: Number(group),
      startTime: rest[START_TIME_AT] ?? '',
      isZombie: 'ZX'.includes(state),
    }
  } catch {
    return null
  }
}

/** A process, its group and its descendants, as far as they run; empty when none does. */
export function listFamily(leader: number): number[] {
  const entries = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => findProcess(Number(name)))
    .filter((entry): entry is Entry => entry !== null && !entry.isZombie)
  const family = new Set(
    entries.filter(({ pid, group }) => pid === leader || group === leader).map(({ pid }) => pid),
  )
  for (let size = -1; size !== family.size; ) {
    size = family.size
    for (const { pid, parent } of entries) if (family.has(parent)) family.add(pid)
  }
  return [...family]
}
