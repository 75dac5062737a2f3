/** What became of each test of the compatibility kit, held against what is listed of them. */
import type { TestResult } from './junit-report.ts'
import type { Refusal } from './refused.ts'

/** `left out`: by the kit, whatever the catalog. */
type Verdict = 'pass' | 'refused by design' | 'left out' | 'defect'
export type JudgedTest = Readonly<{ name: string; verdict: Verdict; why: string }>

/** A test that is listed and no longer in the kit is a defect as well. */
export function judgeAll(
  results: readonly TestResult[],
  refusals: readonly Refusal[],
  leftOut: ReadonlyMap<string, string>,
): readonly JudgedTest[] {
  const refused = new Map(
    refusals.flatMap((refusal) => refusal.tests.map((name) => [name, refusal] as const)),
  )
  const names = new Set(results.map(({ name }) => name))
  const gone = [...refused.keys(), ...leftOut.keys()].filter((name) => !names.has(name))
  return [
    ...results.map((result) => judge(result, refused.get(result.name), leftOut.get(result.name))),
    ...gone.map((name) => defect(name, 'it is listed, and not in the kit')),
  ]
}

function judge(
  { name, outcome, reason }: TestResult,
  refusal: Refusal | undefined,
  whyLeftOut: string | undefined,
): JudgedTest {
  switch (outcome) {
    case 'passed':
      if (refusal === undefined) return { name, verdict: 'pass', why: '' }
      return defect(name, `it passes, and is listed: ${refusal.because}`)
    case 'skipped':
      if (whyLeftOut === undefined) return defect(name, `the kit leaves it out: ${reason}`)
      return { name, verdict: 'left out', why: whyLeftOut }
    case 'failed':
      if (refusal === undefined || !refusal.says.test(reason)) return defect(name, reason)
      return { name, verdict: 'refused by design', why: refusal.because }
  }
}

function defect(name: string, why: string): JudgedTest {
  return { name, verdict: 'defect', why }
}
