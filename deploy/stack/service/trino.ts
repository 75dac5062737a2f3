/** Trino, from Maven: the server with its Iceberg plug-in, on a newer Java than the others. */

import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ComposeFile } from '../compose-file.ts'
import { findJava } from '../java.ts'
import { artifactsOf, copyArtifacts } from '../maven.ts'
import { fetchJson, type NativeService } from '../native-service.ts'
import { findPython } from '../python.ts'
import { installPart, runTool } from '../tools.ts'

const POM = join(import.meta.dirname, '../trino/pom.xml')
const CONFIG = '/etc/trino'

export const trino: NativeService = {
  startLimitMs: 300_000,
  install: (values) => void program(values),
  command: ({ path, values, scratch }) => {
    const file = (name: string): string => join(path(CONFIG), name)
    const options = readFileSync(file('jvm.config'), 'utf8').trim().split('\n')
    const config = [
      `-Dconfig=${file('config.properties')}`,
      `-Dlog.levels-file=${file('log.properties')}`,
      `-Dcatalog.config-dir=${file('catalog')}`,
      `-Dplugin.dir=${join(program(values), 'plugin')}`,
      `-Djava.io.tmpdir=${scratch}`,
      ...nodeSettings(readFileSync(file('node.properties'), 'utf8')),
    ]
    const java = join(findJava(24, 99), 'bin/java')
    const main = ['-cp', join(program(values), 'lib/*'), 'io.trino.server.TrinoServer']
    return { argv: [java, ...options, ...config, ...main] }
  },
  isHealthy: async ({ address }) => {
    const { starting } = await fetchJson<{ starting: boolean }>(address('trino'), '/v1/info')
    return !starting && (await hasActiveNode(address('trino')))
  },
}

/** One page of a statement's result. */
type Page = Readonly<{ nextUri?: string; data?: readonly unknown[] }>

/**
 * A server that has started refuses queries ("nodes is empty") until its own node has registered
 * with it.
 */
async function hasActiveNode(address: string): Promise<boolean> {
  const nodes = "SELECT node_id FROM system.runtime.nodes WHERE state = 'active'"
  const headers = { 'X-Trino-User': 'health' }
  const first = { method: 'POST', headers, body: nodes }
  let page = await fetchJson<Page>(address, '/v1/statement', first)
  while (page.data === undefined && page.nextUri !== undefined) {
    page = await fetchJson<Page>(address, new URL(page.nextUri).pathname, { headers })
  }
  return page.data !== undefined
}

/** The launcher hands the node's settings to the JVM. */
function nodeSettings(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.includes('=') && !line.startsWith('#'))
  return lines.map((line) => `-D${line}`)
}

function program(values: ComposeFile['values']): string {
  return installPart('trino', artifactsOf(POM, values), (folder) => {
    const archives = join(folder, 'archives')
    const named = (name: string): string => join(archives, `${name}-${values.TRINO_VERSION}`)
    copyArtifacts(POM, values, archives)
    runTool('tar', [
      ...['-xzf', `${named('trino-server-core')}.tar.gz`],
      ...['--strip-components=1', '-C', folder],
    ])
    runTool(findPython(), ['-m', 'zipfile', '-e', `${named('trino-iceberg')}.zip`, archives])
    mkdirSync(join(folder, 'plugin'), { recursive: true })
    renameSync(named('trino-iceberg'), join(folder, 'plugin/iceberg'))
    rmSync(archives, { recursive: true })
  })
}
