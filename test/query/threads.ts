/** Threads of this process, DuckDB's among them. */
import { readdirSync } from 'node:fs'

export function countThreads(): number {
  return readdirSync('/proc/self/task').length
}
