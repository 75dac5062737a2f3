/** The memory of a process, as the system sees it. */
import { execFileSync } from 'node:child_process'

const LOOK_INTERVAL_MS = 50
const BYTES_PER_KIB = 1024

/** `ps` is on Linux and on macOS alike. */
export function residentBytes(pid: number): number {
  const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
  return kib * BYTES_PER_KIB
}

/** How far the memory rises above where it stands now, while `act` runs. */
export async function growthDuring(pid: number, act: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(pid)
  let most = before
  const look = () => {
    most = Math.max(most, residentBytes(pid))
  }
  const looking = setInterval(look, LOOK_INTERVAL_MS)
  try {
    await act()
    look()
  } finally {
    clearInterval(looking)
  }
  return most - before
}
