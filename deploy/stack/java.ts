/** Where the Java of a certain age is: Kafka and Flink run on 17, Trino asks for a newer one. */

import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = '/usr/lib/jvm/*'

/** The folder of the oldest installed Java between two versions. */
export function findJava(oldest: number, newest: number): string {
  const named = process.env.JAVA_HOME === undefined ? [] : [process.env.JAVA_HOME]
  const found = [...named, ...globSync(FOLDERS)]
    .map((home) => ({ home, version: versionOf(home) }))
    .filter(({ version }) => version >= oldest && version <= newest)
    .sort((a, b) => a.version - b.version)[0]
  if (found === undefined) {
    throw new Error(
      `there is no Java ${oldest} to ${newest} under ${FOLDERS} or at JAVA_HOME: install ` +
        'one (Debian: ' +
        'apt-get install openjdk-17-jre-headless; Trino needs a newer one, such as Temurin)',
    )
  }
  return found.home
}

function versionOf(home: string): number {
  const java = join(home, 'bin/java')
  if (!existsSync(java)) return 0
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
}
