/**
 * Kafka, from Maven: the broker on Java 17, its volume formatted as the image's entrypoint does it.
 */

import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { ComposeFile } from '../compose-file.ts'
import { findJava } from '../java.ts'
import { installArtifacts } from '../maven.ts'
import type { NativeService, Placed } from '../native-service.ts'
import { runTool } from '../tools.ts'

const POM = join(import.meta.dirname, '../kafka/pom.xml')
const LOGGING = join(import.meta.dirname, '../log4j2.properties')
const SETTINGS = '/mnt/shared/config/server.properties'
const DATA = '/var/lib/kafka/data'
const PROBE_TIMEOUT_MS = 3000

/**
 * A Metadata request, version 1, that asks for no topic: length, api key 3, version, correlation
 * id, no client id, an empty list. The answer: length, correlation id, number of brokers, …
 */
const METADATA_REQUEST = Buffer.from('0000000e0003000100000001ffff00000000', 'hex')
const BROKERS_AT = 8

export const kafka: NativeService = {
  startLimitMs: 120_000,
  install: (values) => void libraries(values),
  prepare: (placed) => {
    if (existsSync(join(placed.path(DATA), 'meta.properties'))) return
    const clusterId = placed.service.environment.CLUSTER_ID ?? ''
    const format = ['format', '--cluster-id', clusterId, '--config', placed.path(SETTINGS)]
    const [java = '', ...args] = javaCommand(placed)
    runTool(java, [...args, 'kafka.tools.StorageTool', ...format])
  },
  command: (placed) => ({
    argv: [
      ...javaCommand(placed),
      ...(placed.service.environment.KAFKA_HEAP_OPTS ?? '').split(' '),
      'kafka.Kafka',
      placed.path(SETTINGS),
    ],
  }),
  isHealthy: async ({ address }) => (await countBrokers(address('kafka'))) > 0,
}

function libraries(values: ComposeFile['values']): string {
  return installArtifacts('kafka', POM, values)
}

function javaCommand({ values, scratch }: Placed): string[] {
  const java = join(findJava(17, 23), 'bin/java')
  const options = [`-Djava.io.tmpdir=${scratch}`, `-Dlog4j2.configurationFile=${LOGGING}`]
  return [java, ...options, '-cp', join(libraries(values), '*')]
}

/** Brokers that the broker at an address knows of: itself, once it takes topics and records. */
function countBrokers(address: string): Promise<number> {
  const [host, port] = address.split(':')
  const socket = connect({ host: host ?? '', port: Number(port), timeout: PROBE_TIMEOUT_MS })
  let answer = Buffer.alloc(0)
  return new Promise<number>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('timeout', () => reject(new Error('Kafka does not answer')))
    socket.on('close', () => reject(new Error('Kafka closed the connection')))
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes])
      if (answer.length >= BROKERS_AT + 4) resolve(answer.readInt32BE(BROKERS_AT))
    })
    socket.write(METADATA_REQUEST)
  }).finally(() => socket.destroy())
}
