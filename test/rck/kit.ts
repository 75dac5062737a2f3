/**
 * Apache Iceberg's REST compatibility kit: its tests, installed through Maven and run by JUnit's
 * console launcher against a catalog.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readComposeFile } from '../../deploy/stack/compose-file.ts'
import { findJava } from '../../deploy/stack/java.ts'
import { installArtifacts } from '../../deploy/stack/maven.ts'
import { resultsIn, type TestResult } from './junit-report.ts'

const POM = join(import.meta.dirname, 'pom.xml')
const [JAVA_OLDEST, JAVA_NEWEST] = [17, 21]
const SUITE = 'org.apache.iceberg.rest.RESTCompatibilityKitSuite'

/** The settings are those of the kit and of Iceberg's REST client, as Java properties. */
export async function runKit(
  settings: Readonly<Record<string, string>>,
): Promise<readonly TestResult[]> {
  const jars = installArtifacts('rest-compatibility-kit', POM, readComposeFile({}).values)
  const reports = mkdtempSync(join(tmpdir(), 'campaign-metrics-rck-reports-'))
  try {
    const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
    const output = await runJava([
      ...['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', ...properties],
      ...['-cp', join(jars, '*'), 'org.junit.platform.console.ConsoleLauncher', 'execute'],
      ...['--disable-banner', '--details=none', `--reports-dir=${reports}`],
      `--select-class=${SUITE}`,
    ])
    const files = globSync(join(reports, 'TEST-*.xml'))
    const results = files.flatMap((file) => resultsIn(readFileSync(file, 'utf8')))
    if (results.length === 0) throw new Error(`no test ran:\n${output}`)
    return results.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } finally {
    rmSync(reports, { recursive: true, force: true })
  }
}

/** Failed tests are in the reports; the exit status says no more. */
function runJava(args: readonly string[]): Promise<string> {
  const java = join(findJava(JAVA_OLDEST, JAVA_NEWEST), 'bin/java')
  const child = spawn(java, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => parts.push(part))
  child.on('error', reject)
  child.on('close', () => resolve(Buffer.concat(parts).toString()))
  return promise
}
