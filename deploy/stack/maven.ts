/**
 * Artifacts of Maven: the dependencies of a pom.xml, whose versions are the values of deploy/.env.
 */

import { readFileSync } from 'node:fs'
import type { ComposeFile } from './compose-file.ts'
import { installPart, runTool } from './tools.ts'

/** The folder of a part that is the artifacts' files. */
export function installArtifacts(name: string, pom: string, values: ComposeFile['values']): string {
  return installPart(name, artifactsOf(pom, values), (folder) => copyArtifacts(pom, values, folder))
}

/** What the artifacts of a pom are known by: its text, and the versions that it takes. */
export function artifactsOf(pom: string, values: ComposeFile['values']): string[] {
  const text = readFileSync(pom, 'utf8')
  return [text, ...versionsIn(text, values)]
}

/**
 * Fills a folder with the files of a pom's dependencies, and of what these depend on unless the pom
 * excludes it.
 */
export function copyArtifacts(pom: string, values: ComposeFile['values'], folder: string): void {
  runTool('mvn', [
    ...['--batch-mode', '--quiet', '--file', pom],
    ...versionsIn(readFileSync(pom, 'utf8'), values),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${folder}`,
    '-DincludeScope=runtime',
  ])
}

function versionsIn(text: string, values: ComposeFile['values']): string[] {
  const used = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] ?? ''))
  return [...used].map((key) => `-D${key}=${values[key]}`)
}
