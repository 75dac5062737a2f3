/**
 * Apache Iceberg's REST compatibility kit against the product's REST catalog, behind the product's
 * listener, over a scratch catalog where tables may be created; and what became of each test.
 */
import { rmSync } from 'node:fs'
import { restErrorBody } from '../../src/table.ts'
import { openHarness } from '../collect/harness.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { runKit, type TestResult } from './kit.ts'
import { LEFT_OUT, REFUSALS, type Refusal } from './refused.ts'
import { openScratchCatalog } from './scratch-catalog.ts'

/** `left out`: by the kit, whatever the catalog. */
type Verdict = 'pass' | 'refused by design' | 'left out' | 'defect'
export type JudgedTest = Readonly<{ name: string; verdict: Verdict; why: string }>

const KEY = 'rck-key'
const PREFIX = '/iceberg'
const BODY_BYTES_MAX = 1024 * 1024
/** Where the kit puts some of its tables, whatever the catalog says. */
const KIT_FOLDERS = ['/tmp/ns/tbl', '/tmp/newdb/newtable']
const REFUSED: ReadonlyMap<string, Refusal> = new Map(
  REFUSALS.flatMap((refusal) => refusal.tests.map((name) => [name, refusal])),
)

/** By name. A test that is listed in `refused.ts` and no longer in the kit is a defect as well. */
export async function tryCatalog(): Promise<readonly JudgedTest[]> {
  const results = await runOnScratchCatalog()
  const names = new Set(results.map(({ name }) => name))
  const gone = [...REFUSED.keys(), ...LEFT_OUT.keys()]
    .filter((name) => !names.has(name))
    .map((name) => ({ name, verdict: 'defect' as const, why: 'listed, but not in the kit' }))
  return [...results.map(judge), ...gone]
}

function judge({ name, outcome, reason }: TestResult): JudgedTest {
  const [refusal, leftOut] = [REFUSED.get(name), LEFT_OUT.get(name)]
  switch (outcome) {
    case 'passed':
      if (refusal === undefined) return { name, verdict: 'pass', why: '' }
      return { name, verdict: 'defect', why: `it passes, but is listed: ${refusal.because}` }
    case 'skipped':
      if (leftOut !== undefined) return { name, verdict: 'left out', why: leftOut }
      return { name, verdict: 'defect', why: `the kit leaves it out: ${reason}` }
    case 'failed':
      if (refusal === undefined || !refusal.says.test(reason)) {
        return { name, verdict: 'defect', why: reason }
      }
      return { name, verdict: 'refused by design', why: refusal.because }
  }
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
    for (const path of KIT_FOLDERS) rmSync(path, { recursive: true, force: true })
  }
}
