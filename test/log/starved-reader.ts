/**
 * The process of reader.test.ts that runs out of files: reads a log of three segments while it
 * holds as many files as the system allows it. Prints the first offsets that it was given, and what
 * it was told.
 */
import { closeSync, openSync } from 'node:fs'
import { openEventReader, openLog } from '../../src/log.ts'
import { append, KIB, smallLog } from './room.ts'

const path = process.argv[2] ?? ''
const log = await openLog(smallLog(path))
for (let number = 0; number < 3; number += 1) await append(log, number, 1, 8 * KIB)
// The log's own work would give back files meanwhile.
await log.close()
const messages: (string | null)[] = []
const reader = await openEventReader({
  place: { kind: 'folder', path },
  cursor: log.cursor,
  steadyMs: () => performance.now(),
  onStalled: (message) => messages.push(message),
})
const offsets: (number | null)[] = []
const next = async (offset: number): Promise<void> => {
  offsets.push((await reader.next(offset, 0))?.firstOffset ?? null)
}
await next(0)
const held = openAll()
await next(1)
await next(1)
for (const file of held) closeSync(file)
await next(1)
await next(2)
process.stdout.write(JSON.stringify({ offsets, messages }))
await reader.close()

function openAll(): readonly number[] {
  const files: number[] = []
  for (;;) {
    try {
      files.push(openSync('/dev/null', 'r'))
    } catch {
      return files
    }
  }
}
