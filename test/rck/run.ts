/**
 * Runs Apache Iceberg's REST compatibility kit against the product's REST catalog, over a scratch
 * catalog where tables may be created, and prints each test with what became of it. Fails when a
 * test fails that `refused.ts` does not list, or passes although it is listed.
 * usage: npm run test:rck [-- --reasons]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { restErrorBody } from '../../src/table.ts'
import { openHarness } from '../collect/harness.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { runKit, type TestResult } from './kit.ts'
import { REFUSED } from './refused.ts'
import { openScratchCatalog } from './scratch-catalog.ts'

const { values } = parseArgs({ options: { reasons: { type: 'boolean', default: false } } })
const KEY = 'rck-key'
const PREFIX = '/iceberg'
const BODY_BYTES_MAX = 1024 * 1024
/** Where the kit puts some of its tables, whatever the catalog says. */
const KIT_FOLDERS = ['/tmp/ns/tbl', '/tmp/newdb/newtable']

const cleaning: (() => void)[] = []
const folder = makeScratchFolder('rck', { after: (clean) => cleaning.push(clean) })
const catalog = await openScratchCatalog(folder)
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
  const startMs = Date.now()
  const results = await runKit({
    'rck.local': 'false',
    'rck.requires-namespace-create': 'true',
    uri: harness.url + PREFIX,
    warehouse: 'lake',
    credential: `kit:${KEY}`,
    'oauth2-server-uri': `${harness.url}${PREFIX}/v1/oauth/tokens`,
  })
  const seconds = Math.round((Date.now() - startMs) / 1000)
  process.exitCode = report(results, seconds)
} finally {
  await harness.close()
  for (const clean of cleaning) clean()
  for (const path of KIT_FOLDERS) rmSync(path, { recursive: true, force: true })
}

function report(results: readonly TestResult[], seconds: number): number {
  const lines = results.map((result) => ({ ...result, verdict: verdictOf(result) }))
  for (const { name, verdict, reason } of lines) {
    const isShort = verdict !== 'defect' && !values.reasons
    console.log(`${verdict.padEnd(18)} ${name}${isShort ? '' : `\n    ${reason}`}`)
  }
  const names = new Set(results.map(({ name }) => name))
  const unknown = [...REFUSED.keys()].filter((name) => !names.has(name))
  for (const name of unknown) console.log(`listed, and no test  ${name}`)
  const counts = Map.groupBy(lines, ({ verdict }) => verdict)
  const summary = [...counts].map(([verdict, { length }]) => `${length} ${verdict}`)
  console.log(`\n${results.length} tests in ${seconds} s: ${summary.join(', ')}`)
  const isWrong = counts.has('defect') || counts.has('passes, listed') || unknown.length > 0
  return isWrong ? 1 : 0
}

type Verdict = 'pass' | 'refused by design' | 'not applicable' | 'defect' | 'passes, listed'

/** Not applicable: what the kit itself leaves out, for settings that a catalog may choose. */
function verdictOf({ name, outcome }: TestResult): Verdict {
  if (outcome === 'skipped') return 'not applicable'
  const isListed = REFUSED.has(name)
  if (outcome === 'passed') return isListed ? 'passes, listed' : 'pass'
  return isListed ? 'refused by design' : 'defect'
}
