/**
 * Apache Iceberg's REST compatibility kit against the product's REST catalog, behind the product's
 * listener, over a scratch catalog where tables may be created; and what became of each test.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { restErrorBody } from '../../src/table.ts'
import { openHarness } from '../collect/harness.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { type JudgedTest, judgeAll } from './judge.ts'
import type { TestResult } from './junit-report.ts'
import { runKit } from './kit.ts'
import { LEFT_OUT, REFUSALS } from './refused.ts'
import { openScratchCatalog } from './scratch-catalog.ts'

const KEY = 'rck-key'
const PREFIX = '/iceberg'
const BODY_BYTES_MAX = 1024 * 1024
/** Where the kit puts some of its tables, whatever the catalog says. */
const KIT_TABLES = ['/tmp/ns/tbl', '/tmp/newdb/newtable']

export async function tryCatalog(): Promise<readonly JudgedTest[]> {
  return judgeAll(await runOnScratchCatalog(), REFUSALS, LEFT_OUT)
}

async function runOnScratchCatalog(): Promise<readonly TestResult[]> {
  const cleaning: (() => void)[] = []
  const folder = makeScratchFolder('rck', { after: (clean) => cleaning.push(clean) })
  const catalog = openScratchCatalog(folder)
  const harness = await openHarness({
    keys: { write: [], read: [], tables: [KEY] },
    routes: [
      {
        prefix: PREFIX,
        bodyBytesMax: BODY_BYTES_MAX,
        isCompressed: true,
        refusalBody: restErrorBody,
        answer: (request) =>
          catalog.answer({ ...request, path: request.path.slice(PREFIX.length) }),
      },
    ],
  })
  try {
    return await runKit({
      'rck.local': 'false',
      'rck.requires-namespace-create': 'true',
      'rck.supports-names-with-dot': 'true',
      uri: harness.url + PREFIX,
      warehouse: 'lake',
      credential: `kit:${KEY}`,
      'oauth2-server-uri': `${harness.url}${PREFIX}/v1/oauth/tokens`,
    })
  } finally {
    await harness.close()
    for (const clean of cleaning) clean()
    for (const path of KIT_TABLES) {
      rmSync(path, { recursive: true, force: true })
      removeIfEmpty(dirname(path))
    }
  }
}

function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}
