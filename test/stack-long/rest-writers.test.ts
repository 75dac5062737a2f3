/**
 * PyIceberg commits through the REST catalog to tables on S3 whose catalog is in PostgreSQL, where
 * the embedded engine fills them: as on disk, all of a change or nothing.
 */
import { after, before, type TestContext, test } from 'node:test'
import { checkEachKindLands, checkKilledAt, KEY } from '../interop/rest-writing.ts'
import { type LakeServices, openLakeServices } from '../stack/support/lake-services.ts'
import { type Folder, openFolder } from '../support/folder.ts'

let services: LakeServices
before(async () => {
  services = await openLakeServices()
})
after(() => services.close())

async function openPlace(t: TestContext): Promise<Folder> {
  const folder = await openFolder({
    ...(await services.config()),
    keys: { tables: [KEY] },
    commitInterval: '1s',
  })
  t.after(() => folder.close())
  return folder
}

test('beside commits each second, each kind of change lands, and the metrics follow', async (t) => {
  await checkEachKindLands(t, await openPlace(t))
})

const STEPS = [
  'client-windows-followed',
  'client-folders-synced',
  'client-pointers-swapped',
  'client-committed',
] as const

for (const step of STEPS) {
  test(`kill -9 at ${step}: all of a client's delete, or nothing`, async (t) => {
    await checkKilledAt(t, await openPlace(t), step)
  })
}
