/**
 * A broker that lets in over TLS only, and whom it knows: SASL PLAIN, SCRAM-SHA-256 and
 * SCRAM-SHA-512.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readComposeFile } from '../../../deploy/stack/compose-file.ts'
import { findJava } from '../../../deploy/stack/java.ts'
import { installArtifacts } from '../../../deploy/stack/maven.ts'
import { findPortBase } from '../../../deploy/stack/port-base.ts'

const POM = join(import.meta.dirname, '../../../deploy/stack/kafka/pom.xml')
const CLUSTER_ID = 'c2VjdXJlLWJyb2tlci0wMA'
const START_LIMIT_MS = 120_000

export const USER = 'collector'
export const PASSWORD = 'a-password'

export type SecureBroker = Readonly<{ address: string; caFile: string; close(): Promise<void> }>

export async function openSecureBroker(folder: string): Promise<SecureBroker> {
  const port = await findPortBase()
  const { values } = readComposeFile({})
  const libraries = join(installArtifacts('kafka', POM, values), '*')
  const java = join(findJava(17, 23), 'bin/java')
  const { caFile, keyStore } = makeCertificates(folder)
  const settings = join(folder, 'server.properties')
  writeFileSync(settings, settingsText(folder, port, keyStore))
  execFileSync(java, [
    ...['-cp', libraries, 'kafka.tools.StorageTool', 'format', '--standalone'],
    ...['-t', CLUSTER_ID, '-c', settings],
    ...['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${USER},password=${PASSWORD}]`,
    ]),
  ])
  const child = spawn(java, ['-Xmx512m', '-cp', libraries, 'kafka.Kafka', settings], {
    stdio: 'ignore',
  })
  process.once('exit', () => child.kill('SIGKILL'))
  await untilListening(port, child)
  return {
    address: `127.0.0.1:${port}`,
    caFile,
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** An authority of our own, and the broker's certificate for this machine. */
function makeCertificates(folder: string): { caFile: string; keyStore: string } {
  mkdirSync(folder, { recursive: true })
  const file = (name: string) => join(folder, name)
  const openssl = (...words: string[]) =>
    execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
  const subject = (name: string) => ['-subj', `/CN=${name}`]
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject('test authority'),
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    ...subject('localhost'),
    '-keyout',
    'broker.key',
    '-out',
    'broker.csr',
  )
  writeFileSync(file('names.cnf'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  openssl(
    'x509',
    '-req',
    '-in',
    'broker.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names.cnf',
    '-out',
    'broker.pem',
  )
  openssl(
    'pkcs12',
    '-export',
    '-in',
    'broker.pem',
    '-inkey',
    'broker.key',
    '-passout',
    `pass:${PASSWORD}`,
    '-out',
    'broker.p12',
  )
  return { caFile: file('ca.pem'), keyStore: file('broker.p12') }
}

function settingsText(folder: string, port: number, keyStore: string): string {
  const jaas = `listener.name.secure`
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  const plain =
    'org.apache.kafka.common.security.plain.PlainLoginModule required ' +
    `user_${USER}="${PASSWORD}";`
  const listeners = `SECURE://127.0.0.1:${port},INNER://127.0.0.1:${port + 2}`
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${port + 1}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'SECURE:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INNER',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': '1',
    'auto.create.topics.enable': 'false',
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': keyStore,
    'ssl.keystore.password': PASSWORD,
    'ssl.key.password': PASSWORD,
    [`${jaas}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${jaas}.plain.sasl.jaas.config`]: plain,
    [`${jaas}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${jaas}.scram-sha-512.sasl.jaas.config`]: scram,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = AbortSignal.timeout(START_LIMIT_MS)
  while (!(await isListening(port))) {
    if (deadline.aborted || child.exitCode !== null) throw new Error('the broker does not start')
    await sleep(200)
  }
}

function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  }).finally(() => socket.destroy()) as Promise<boolean>
}
