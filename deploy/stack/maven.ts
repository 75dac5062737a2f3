/** Artifacts of Maven: the dependencies of a pom.xml, whose versions are the values of deploy/.env. */

import { readFileSync } from 'node:fs'
import { installPart, runTool } from './tools.ts'

/**
 * The folder with the artifacts' files.
 * @param isTransitive whether with what the artifacts depend on; a program needs it, plug-ins bring it along
 */
export function installArtifacts(
  name: string,
  pom: string,
  values: Readonly<Record<string, string>>,
  isTransitive: boolean,
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
      `-DexcludeTransitive=${!isTransitive}`,
    ])
  })
}
