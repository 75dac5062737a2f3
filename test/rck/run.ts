/**
 * Runs Apache Iceberg's REST compatibility kit against the product's REST catalog, and prints each
 * test with what became of it. Fails when a test fails or is left out that `refused.ts` does not
 * list, or passes although it is listed.
 * usage: npm run test:rck
 */
import { tryCatalog } from './try-catalog.ts'

const VERDICT_COLUMNS = 'refused by design'.length

const startMs = performance.now()
const tests = await tryCatalog()
for (const { name, verdict, why } of tests) {
  console.log(`${verdict.padEnd(VERDICT_COLUMNS)}  ${name}${why === '' ? '' : `: ${why}`}`)
}
const counts = Map.groupBy(tests, ({ verdict }) => verdict)
const summary = [...counts].map(([verdict, { length }]) => `${length} ${verdict}`)
const seconds = Math.round((performance.now() - startMs) / 1000)
console.log(`\n${tests.length} tests in ${seconds} s: ${summary.join(', ')}`)
if (counts.has('defect')) process.exitCode = 1
