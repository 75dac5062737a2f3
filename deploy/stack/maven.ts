/** Artifacts of Maven: the dependencies of a pom.xml, whose versions are the values of deploy/.env. */

import { readFileSync } from 'node:fs'
import { installPart, runTool } from './tools.ts'

/** The folder with the files of a pom's dependencies, and of what these depend on unless the pom excludes it. */
export function installArtifacts(
  name: string,
  pom: string,
  values: Readonly<Record<string, string>>,
): string {
  const text = readFileSync(pom, 'utf8')
  const used = [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] ?? ''))]
  const versions = used.map((key) => `-D${key}=${values[key]}`)
  return installPart(name, [text, ...versions], (folder) => {
    runTool('mvn', [
      ...['--batch-mode', '--quiet', '--file', pom, ...versions],
      'dependency:copy-dependencies',
      `-DoutputDirectory=${folder}`,
      '-DincludeScope=runtime',
    ])
  })
}
