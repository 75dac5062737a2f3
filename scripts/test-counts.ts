/**
 * A reporter of `node --test` that writes how many tests passed and failed, for scripts/test.ts to
 * look at.
 */

import type { TestEvent } from 'node:test/reporters'

export type TestCounts = Readonly<{ passed: number; failed: number }>

export default async function* testCounts(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  for await (const event of events) {
    // A file without any test is reported as a passed test of nesting 0 named like the file: it is
    // none.
    if (event.type === 'test:pass' && !isFile(event.data) && !event.data.skip) passed += 1
    if (event.type === 'test:fail') failed += 1
  }
  yield JSON.stringify({ passed, failed } satisfies TestCounts)
}

function isFile(test: { name: string; nesting: number; file?: string }): boolean {
  return test.nesting === 0 && test.file !== undefined && test.file.endsWith(test.name)
}
