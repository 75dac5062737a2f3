/** One file of keys, one word about it, whichever command asks. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFolder } from '../support/folder.ts'
import { expectRefusal, runCommand } from '../support/product.ts'

test('start and setup say the same of what `keys.file` names', async (t) => {
  const folder = await openFolder({ listen: '0.0.0.0:0', keys: { file: './keys.yaml' } })
  t.after(() => folder.close())
  const file = join(folder.path, 'keys.yaml')

  const missing = await expectRefusal(folder)
  assert.equal(missing.exit.code, 2)
  assert.match(missing.stderr, /keys\.yaml does not exist: run `campaign-metrics setup`/)

  await writeFile(file, '{"name": "the file of another program"}')
  const [started, set] = [await expectRefusal(folder), await runCommand(folder, ['setup'])]
  assert.match(started.stderr, /keys\.yaml: is not a file of keys/)
  assert.deepEqual([set.exit.code, set.stderr], [started.exit.code, started.stderr])

  await writeFile(file, `write: [${'w'.repeat(20)}]`)
  const half = /there is no read key in \S*keys\.yaml or under `keys`: add one/
  const refused = await expectRefusal(folder)
  assert.match(refused.stderr, half)
  const unfit = await runCommand(folder, ['setup'])
  assert.equal(unfit.exit.code, 1)
  assert.match(unfit.stdout, /keys +\S*keys\.yaml +unfit/)
  assert.match(unfit.stdout, half)
})
