/** What the run of the compatibility kit makes of JUnit's reports and of the list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeAll } from './judge.ts'
import { resultsIn } from './junit-report.ts'

const KIT = 'org.apache.iceberg.rest.RESTCompatibilityKitCatalogTests'
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="JUnit Jupiter" tests="5" skipped="1" failures="1" errors="1">
<testcase name="testAppend()" classname="${KIT}" time="0.1">
<system-out><![CDATA[unique-id: 1]]></system-out>
</testcase>
<testcase name="testEmpty()" classname="${KIT}" time="0"/>
<testcase name="testSpec(boolean)[1]" classname="${KIT}" time="0.2">
<error message="Malformed request: &lt;add-spec&gt;: &quot;no&quot;&#10;&#9;at org.apache.X.y(X.java:1)" type="BadRequestException"><![CDATA[at …]]></error>
</testcase>
<testcase name="testWords()" classname="${KIT}" time="0.2">
<failure type="java.lang.AssertionError"><![CDATA[java.lang.AssertionError: expected
 this one
	at org.apache.X.y(X.java:1)]]></failure>
</testcase>
<testcase name="testSlash()" classname="${KIT}" time="0">
<skipped><![CDATA[assumption was not met]]></skipped>
</testcase>
</testsuite>`

const results = resultsIn(REPORT)

test('reports of JUnit are read: each run of a test, and in a line why it failed', () => {
  assert.deepEqual(results, [
    { name: 'CatalogTests.testAppend', outcome: 'passed', reason: '' },
    { name: 'CatalogTests.testEmpty', outcome: 'passed', reason: '' },
    {
      name: 'CatalogTests.testSpec(boolean)[1]',
      outcome: 'failed',
      reason: 'Malformed request: <add-spec>: "no"',
    },
    {
      name: 'CatalogTests.testWords',
      outcome: 'failed',
      reason: 'java.lang.AssertionError: expected this one',
    },
    { name: 'CatalogTests.testSlash', outcome: 'skipped', reason: 'assumption was not met' },
  ])
})

function verdictsFor(tests: readonly string[], says: RegExp, leftOut: readonly string[]): string[] {
  const refusals = [{ because: 'by design', says, tests }]
  const left = new Map(leftOut.map((name) => [name, 'ruled out']))
  return judgeAll(results, refusals, left).map(({ verdict }) => verdict)
}

test('what is listed is refused by design, and everything else that fails is a defect', () => {
  const [spec, words, slash] = results.slice(2).map(({ name }) => name) as [string, string, string]
  assert.deepEqual(verdictsFor([spec, words], /add-spec|this one/, [slash]), [
    'pass',
    'pass',
    'refused by design',
    'refused by design',
    'left out',
  ])
  assert.deepEqual(verdictsFor([], /./, []), ['pass', 'pass', 'defect', 'defect', 'defect'])
})

test('a listed test that fails for another reason, passes, or is gone is a defect', () => {
  const listed = ['CatalogTests.testSpec(boolean)[1]', 'CatalogTests.testAppend']
  assert.deepEqual(verdictsFor(listed, /sort order/, ['CatalogTests.testSlash', 'Gone.test']), [
    'defect',
    'pass',
    'defect',
    'defect',
    'left out',
    'defect',
  ])
})
