/** The real disk, and whether the log is still where it was. */
import assert from 'node:assert/strict'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { diskFiles, openLog } from '../../src/log.ts'
import { append, inRoom, line, logError, readText } from './room.ts'

test('pieces go to the disk in one write, one after the other', () =>
  inRoom(async ({ directory }) => {
    await mkdir(directory)
    const file = await diskFiles.open(join(directory, 'file'), 'create')
    try {
      const pieces = ['ab', 'cde', 'f'].map((text) => Buffer.from(text))
      assert.equal(await diskFiles.write(file, pieces, 3), 6)
      const into = Buffer.alloc(9)
      assert.equal(await diskFiles.read(file, into, 0), 9)
      assert.equal(into.toString('latin1'), '\0\0\0abcdef')
    } finally {
      await diskFiles.close(file)
    }
  }))

for (const [what, of] of [
  ['folder', (directory: string) => directory],
  ['segment', (directory: string) => join(directory, '00000000000000000000.segment')],
] as const) {
  test(`a log whose ${what} is moved away takes nothing until it is back`, () =>
    inRoom(async ({ options, directory }) => {
      const log = await openLog(options)
      try {
        await append(log, 0)
        const path = of(directory)
        await rename(path, `${path}.away`)
        await assert.rejects(append(log, 1), logError('misplaced', /was removed or renamed/))
        assert.equal(log.stats().full?.code, 'misplaced')
        await rename(`${path}.away`, path)
        assert.equal(log.stats().full, null)
        assert.equal(await append(log, 1), 1)
        assert.equal(await readText(log, options), line(0) + line(1))
      } finally {
        await log.close()
      }
    }))
}
