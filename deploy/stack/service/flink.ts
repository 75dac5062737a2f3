/**
 * Flink's three services: its libraries from PyPI, the SQL gateway and our plug-ins from Maven, on
 * Java 17. Commands are those of the image's scripts; heap sizes and memory arguments are computed
 * by Flink itself from config.yaml.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { HOST } from '../address-book.ts'
import { type ComposeFile, DEPLOY } from '../compose-file.ts'
import { findJava } from '../java.ts'
import { installArtifacts } from '../maven.ts'
import { fetchJson, isOk, type NativeService, type Placed } from '../native-service.ts'
import { findPython } from '../python.ts'
import { installPart, runTool } from '../tools.ts'

const CONFIG = '/opt/flink/conf/config.yaml'
const PLUGINS_POM = join(DEPLOY, 'flink/pom.xml')
const GATEWAY_POM = join(import.meta.dirname, '../flink/pom.xml')
const LOGGING = join(import.meta.dirname, '../log4j2.properties')
/** The image has it at this place, with others that we do not use. */
const REPORTER = 'plugins/metrics-prometheus'
const START_LIMIT_MS = 120_000
/** How Flink's tool for its own shell scripts marks the lines of its result. */
const RESULT_MARK = 'BASH_JAVA_UTILS_EXEC_RESULT:'

export const jobmanager: NativeService = {
  startLimitMs: START_LIMIT_MS,
  install,
  command: (placed) => {
    const entrypoint = 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint'
    const [jvm, settings] = computeMemory(placed, 'GET_JM_RESOURCE_PARAMS', [])
    const words = ['--configDir', configFolder(placed), '--executionMode', 'cluster']
    return flinkCommand(placed, jvm, [entrypoint, ...words, ...settings])
  },
  isHealthy: ({ address }) => isOk(address('jobmanager'), '/overview'),
}

export const taskmanager: NativeService = {
  startLimitMs: START_LIMIT_MS,
  install,
  // A name for each start, because the job manager goes on listing one that was killed for a while.
  prepare: (placed) => writeFileSync(nameFile(placed), `taskmanager-${randomUUID()}`),
  command: (placed) => {
    const name = `taskmanager.resource-id=${readFileSync(nameFile(placed), 'utf8')}`
    // A container has its address and its ports for itself; here a replica takes what is free.
    const ports =
      placed.service.name === 'taskmanager'
        ? []
        : ['taskmanager.data.port=0', 'metrics.reporter.prom.port=0']
    const own = [
      ...placed.service.command.slice(1),
      ...[name, `taskmanager.host=${HOST}`, ...ports].flatMap((setting) => ['-D', setting]),
    ]
    const [jvm, settings] = computeMemory(placed, 'GET_TM_RESOURCE_PARAMS', own)
    const entrypoint = 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner'
    const words = ['--configDir', configFolder(placed), ...own]
    return flinkCommand(placed, jvm, [entrypoint, ...words, ...settings])
  },
  isHealthy: async (placed) => {
    const name = readFileSync(nameFile(placed), 'utf8')
    const { taskmanagers } = await fetchJson<{ taskmanagers: { id: string }[] }>(
      placed.address('jobmanager'),
      '/taskmanagers',
    )
    return taskmanagers.some(({ id }) => id === name)
  },
}

export const sqlGateway: NativeService = {
  startLimitMs: START_LIMIT_MS,
  install,
  command: (placed) => {
    const jvm = (placed.service.environment.JVM_ARGS ?? '').split(' ')
    return flinkCommand(placed, jvm, ['org.apache.flink.table.gateway.SqlGateway'])
  },
  isHealthy: ({ address }) => isOk(address('sql-gateway'), '/v1/info'),
}

function install(values: ComposeFile['values']): void {
  for (const part of [distribution, connectors, gateway]) part(values)
}

/**
 * Flink's lib folder, the tool of its scripts and the reporter of metrics, which its Python package
 * brings along.
 */
function distribution({ FLINK_VERSION }: ComposeFile['values']): string {
  const source = `apache-flink-libraries==${FLINK_VERSION}`
  return installPart('flink', [source, REPORTER], (folder) => {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:']
    runTool(findPython(), [...pip, '--dest', folder, source])
    const archive = join(folder, `apache_flink_libraries-${FLINK_VERSION}.tar.gz`)
    const deps = `apache_flink_libraries-${FLINK_VERSION}/deps`
    const parts = [`${deps}/lib`, `${deps}/bin`, `${deps}/${REPORTER}`]
    runTool('tar', ['-xzf', archive, '--strip-components=2', '-C', folder, ...parts])
    rmSync(archive)
  })
}

function connectors(values: ComposeFile['values']): string {
  return installArtifacts('flink-plugins', PLUGINS_POM, values)
}

function gateway(values: ComposeFile['values']): string {
  return installArtifacts('flink-gateway', GATEWAY_POM, values)
}

function configFolder({ path }: Placed): string {
  return dirname(path(CONFIG))
}

function nameFile({ folder }: Placed): string {
  return join(folder, 'resource-id')
}

/** What bin/config.sh asks Flink: the arguments of the JVM, and the settings that go with them. */
function computeMemory(
  placed: Placed,
  question: 'GET_JM_RESOURCE_PARAMS' | 'GET_TM_RESOURCE_PARAMS',
  words: readonly string[],
): [string[], string[]] {
  const flink = distribution(placed.values)
  const dist = join(flink, 'lib', `flink-dist-${placed.values.FLINK_VERSION}.jar`)
  const tool = `${join(flink, 'bin/bash-java-utils.jar')}:${dist}`
  const output = runTool(javaProgram(), [
    ...['-cp', tool, 'org.apache.flink.runtime.util.bash.BashJavaUtils', question],
    ...['--configDir', configFolder(placed), ...words],
  ])
  const lines = output.split('\n').filter((line) => line.startsWith(RESULT_MARK))
  const [jvm = '', settings = ''] = lines.map((line) => line.slice(RESULT_MARK.length).trim())
  return [jvm.split(' '), settings.split(' ').filter((word) => word !== '')]
}

function flinkCommand(
  placed: Placed,
  jvm: readonly string[],
  main: readonly string[],
): ReturnType<NativeService['command']> {
  const config = parse(readFileSync(placed.path(CONFIG), 'utf8')) as Record<string, string>
  const flink = distribution(placed.values)
  const installed = [join(flink, 'lib'), connectors(placed.values)]
  // A test may add a driver, as a user does who puts it into the image's lib folder.
  const folders = [...installed, gateway(placed.values), join(placed.folder, 'lib')]
  const classes = folders.map((folder) => join(folder, '*')).join(':')
  const options = (config['env.java.opts.all'] ?? '').trim().split(/\s+/)
  const own = [`-Djava.io.tmpdir=${placed.scratch}`, `-Dlog4j.configurationFile=${LOGGING}`]
  return {
    argv: [javaProgram(), ...jvm, ...options, ...own, '-cp', classes, ...main],
    environment: {
      FLINK_CONF_DIR: configFolder(placed),
      FLINK_PLUGINS_DIR: join(flink, 'plugins'),
    },
  }
}

function javaProgram(): string {
  return join(findJava(17, 17), 'bin/java')
}
