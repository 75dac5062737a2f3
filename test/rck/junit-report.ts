/** The reports of JUnit's console launcher: `<testcase name classname><failure message>…`. */

export type TestResult = Readonly<{
  /** `CatalogTests.testAppend`; of a test with parameters each run: `…(int)[1]`. */
  name: string
  outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped, in one line. */
  reason: string
}>

/** Where the stack of an error begins. */
const STACK = /^\s*at \S+\(/m

export function resultsIn(xml: string): TestResult[] {
  const cases = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)
  return [...cases].map(([, attributes = '', inner = '']) => {
    const name = attribute(attributes, 'name').replace(/\(\)$/, '')
    const kind = attribute(attributes, 'classname').replace(/^.*RESTCompatibilityKit/, '')
    const problem = /<(failure|error|skipped)\b([^>]*)>([^<]*(?:<!\[CDATA\[.*?\]\]>)?)/s.exec(inner)
    const [, what, of = '', text = ''] = problem ?? []
    const written = attribute(of, 'message') || text.replaceAll(/<!\[CDATA\[|\]\]>/g, '')
    const said = written.split(STACK)[0] ?? ''
    const outcome = what === undefined ? 'passed' : what === 'skipped' ? 'skipped' : 'failed'
    return { name: `${kind}.${name}`, outcome, reason: said.replace(/\s+/g, ' ').trim() }
  })
}

function attribute(attributes: string, name: string): string {
  const text = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
  const code = (_: string, hex: string | undefined, decimal: string): string =>
    String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))
  return text
    .replace(/&#(?:x([\da-f]+)|(\d+));/gi, code)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
}
