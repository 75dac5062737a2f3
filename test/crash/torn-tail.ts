/**
 * Leaves a log as a crash in the middle of a write may: bytes of a record that was never finished
 * behind the last whole one. Works on fresh segments, which are zero behind their last record.
 */
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const NOISE_BYTES = 200
const ZEROS = Buffer.alloc(64 * 1024)

export async function tearTail(logPath: string): Promise<void> {
  let last: { path: string; end: number } | null = null
  const names = (await readdir(logPath)).filter((name) => name.endsWith('.segment')).sort()
  for (const name of names) {
    const path = join(logPath, name)
    const end = endOfContent(await readFile(path))
    if (end > 0) last = { path, end }
  }
  if (last === null) throw new Error(`no segment of ${logPath} holds anything`)
  const file = await open(last.path, 'r+')
  await file.write(Buffer.alloc(NOISE_BYTES, 0xa5), 0, NOISE_BYTES, last.end)
  await file.close()
}

/** Behind the last byte that is not zero. */
function endOfContent(content: Buffer): number {
  let end = content.length
  while (end > 0) {
    const block = content.subarray(Math.max(0, end - ZEROS.length), end)
    if (!block.equals(ZEROS.subarray(0, block.length))) break
    end -= block.length
  }
  while (end > 0 && content[end - 1] === 0) end -= 1
  return end
}
