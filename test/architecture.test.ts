/**
 * The rooms of the program and what each may know, held against the imports that stand in the sources. A room is a door
 * (`src/log.ts`) with a folder behind it (`src/log/`). TypeScript 7 has no compiler API in JavaScript, so imports are
 * found by their form: Biome puts every static one at the start of a line.
 */

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

type Knowledge = Readonly<{ rooms: readonly string[]; packages: readonly string[] }>

/**
 * Room → the rooms whose doors it may use, and the packages it owns. Read from the top: a room knows only rooms above
 * it. A package has one owner.
 */
const MAY_KNOW: Readonly<Record<string, Knowledge>> = {
  event: { rooms: [], packages: [] },
  'make-folder': { rooms: [], packages: [] },
  'place-guard': { rooms: [], packages: [] },
  lock: { rooms: ['make-folder', 'place-guard'], packages: [] },
  'kill-at': { rooms: [], packages: [] },
  'close-all': { rooms: [], packages: [] },
  'free-bytes': { rooms: [], packages: [] },
  'settle-all': { rooms: [], packages: [] },
  'wake-pool': { rooms: [], packages: [] },
  'clock-watch': { rooms: [], packages: [] },
  'demo-traffic': { rooms: [], packages: [] },
  config: { rooms: [], packages: ['yaml', 'zod'] },
  meter: { rooms: [], packages: ['prom-client'] },
  engine: { rooms: ['event'], packages: [] },
  rejected: { rooms: ['event', 'make-folder'], packages: [] },
  log: {
    rooms: ['make-folder', 'place-guard', 'lock'],
    packages: ['@node-rs/crc32', '@platformatic/kafka'],
  },
  collect: {
    rooms: ['event', 'engine', 'log', 'rejected', 'meter', 'free-bytes'],
    packages: ['fastify'],
  },
  table: {
    rooms: [
      'event',
      'make-folder',
      'place-guard',
      'lock',
      'free-bytes',
      'settle-all',
      'clock-watch',
    ],
    packages: ['avsc', 'hyparquet', '@aws-sdk/client-s3', 'pg'],
  },
  query: { rooms: ['lock', 'table'], packages: ['@duckdb/node-api'] },
  job: {
    rooms: [
      'event',
      'engine',
      'log',
      'table',
      'query',
      'rejected',
      'kill-at',
      'close-all',
      'free-bytes',
      'settle-all',
    ],
    packages: [],
  },
  dashboard: {
    rooms: ['event', 'collect', 'query', 'job'],
    packages: ['fflate'],
  },
  upkeep: { rooms: ['table', 'query', 'job'], packages: [] },
  flink: { rooms: ['event', 'log', 'rejected', 'make-folder', 'table'], packages: [] },
  setup: { rooms: ['config', 'log', 'table', 'flink', 'dashboard'], packages: [] },
  pipeline: {
    rooms: [
      'config',
      'event',
      'clock-watch',
      'engine',
      'collect',
      'log',
      'job',
      'dashboard',
      'table',
      'query',
      'flink',
      'upkeep',
      'rejected',
      'meter',
      'kill-at',
      'close-all',
    ],
    packages: [],
  },
  cli: {
    rooms: [
      'config',
      'setup',
      'pipeline',
      'query',
      'table',
      'upkeep',
      'rejected',
      'demo-traffic',
      'wake-pool',
    ],
    packages: ['cli-progress', 'commander'],
  },
}

/**
 * The page runs in the browser: it knows itself and what it shares with the server, and is bundled, so that its packages
 * are no dependencies of the running program. Chance and the time of day are the browser's.
 */
const PAGE = 'src/dashboard/page/'
const PAGE_MAY_KNOW = ['src/dashboard/definition.ts', 'src/dashboard/wire.ts']
const BUNDLED = ['echarts']

/** Dependencies that no source imports: the runtime itself. */
const RUNTIMES = ['node']
const DUMPING_GROUNDS =
  /^(index|data|info|handle|process)$|(^|-)(utils?|helpers?|common|misc|shared|manager|stuff)(-|$)/
const LINES_MAX = 300
/** The first files of threads: they hand clock and environment in, as src/cli/ does for the process. */
const THREADS = ['src/job/worker.ts', 'src/dashboard/facts/worker.ts']
/** The test must not pass by seeing nothing. */
const FILES_MIN = 80
const IMPORTS_MIN = 250

const ROOT = join(import.meta.dirname, '..')

type SourceFile = Readonly<{ path: string; room: string; isDoor: boolean; text: string }>
type Import = Readonly<{ file: SourceFile; target: string }>

const files: readonly SourceFile[] = globSync('src/**/*.ts', { cwd: ROOT }).map((path) => {
  const [first = '', ...rest] = path.split('/').slice(1)
  const text = readFileSync(join(ROOT, path), 'utf8')
  return { path, room: first.replace(/\.ts$/, ''), isDoor: rest.length === 0, text }
})
/** AssemblyScript has its own module graph, inside the engine. */
const typeScript = files.filter(({ path }) => !path.startsWith('src/engine/assembly/'))
const imports: readonly Import[] = typeScript.flatMap(importsOf)

function importsOf(file: SourceFile): Import[] {
  const forms = [
    /^(?:import|export)\s[^'";`]*?\sfrom\s+'([^'\n]+)'/gm,
    /^import\s+'([^'\n]+)'/gm,
    /\bimport\(\s*'([^'\n]+)'\s*\)/g,
  ]
  return forms.flatMap((form) =>
    [...file.text.matchAll(form)].map((match) => ({ file, target: match[1] ?? '' })),
  )
}

/** Where a relative import leads, as a path below the root. */
function resolved({ file, target }: Import): string {
  return normalize(join(dirname(file.path), target))
}

function packageOf(target: string): string {
  const parts = target.split('/')
  return target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

const isRelative = ({ target }: Import): boolean => target.startsWith('.')
const isOfPage = (file: SourceFile): boolean => file.path.startsWith(PAGE)
const isBuiltIn = ({ target }: Import): boolean =>
  target.startsWith('node:') || builtinModules.includes(target)

test('the sources and their imports are seen at all', () => {
  assert.ok(files.length >= FILES_MIN, `only ${files.length} files seen`)
  assert.ok(imports.length >= IMPORTS_MIN, `only ${imports.length} imports seen`)
  const computed = typeScript.filter(({ text }) => /\bimport\(\s*[^'\s)]/.test(text))
  assert.deepEqual(
    computed.map(({ path }) => path),
    [],
    'an import() of something computed cannot be checked',
  )
})

test('every room has a door, stands in the table, and knows only rooms above it', () => {
  const rooms = Object.keys(MAY_KNOW)
  assert.deepEqual([...new Set(files.map(({ room }) => room))].sort(), [...rooms].sort())
  for (const [room, { rooms: known }] of Object.entries(MAY_KNOW)) {
    assert.ok(
      existsSync(join(ROOT, `src/${room}.ts`)),
      `src/${room}.ts, the door of ${room}, is missing`,
    )
    const below = known.filter((other) => rooms.indexOf(other) >= rooms.indexOf(room))
    assert.deepEqual(below, [], `${room} may not know rooms below it`)
  }
})

test('a room imports other rooms by their doors, and only those it may know', () => {
  const faults = []
  for (const one of imports.filter(isRelative)) {
    const path = resolved(one)
    const [, first = ''] = path.split('/')
    const room = first.replace(/\.ts$/, '')
    const said = `${one.file.path} imports ${path}`
    if (!existsSync(join(ROOT, path))) faults.push(`${said}, which does not exist`)
    else if (!path.startsWith('src/')) faults.push(`${said}, outside of src`)
    else if (room === one.file.room) {
      if (path === `src/${room}.ts`) faults.push(`${said}, its own door`)
    } else if (path !== `src/${room}.ts`) faults.push(`${said}, past the door of ${room}`)
    else if (!MAY_KNOW[one.file.room]?.rooms.includes(room))
      faults.push(`${said}, a room it may not know`)
  }
  assert.deepEqual(faults, [])
})

test('the page imports itself, the definition, the wire and bundled packages; the server nothing of it', () => {
  const faults = []
  const bundled = new Set<string>()
  for (const one of imports) {
    const said = `${one.file.path} imports ${one.target}`
    if (!isRelative(one)) {
      if (isOfPage(one.file) && !BUNDLED.includes(packageOf(one.target))) faults.push(said)
      if (isOfPage(one.file)) bundled.add(packageOf(one.target))
      continue
    }
    const path = resolved(one)
    if (!isOfPage(one.file)) {
      if (path.startsWith(PAGE)) faults.push(said)
    } else if (!path.startsWith(PAGE) && !PAGE_MAY_KNOW.includes(path)) faults.push(said)
  }
  assert.deepEqual(faults, [])
  assert.deepEqual([...bundled].sort(), BUNDLED, 'a bundled package is not used')
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of BUNDLED) assert.ok(name in devDependencies, `${name} is no devDependency`)
  const shared = files.filter(({ path }) => PAGE_MAY_KNOW.includes(path))
  const further = imports.filter(
    (one) => shared.includes(one.file) && !PAGE_MAY_KNOW.includes(resolved(one)),
  )
  assert.deepEqual(
    further.map(({ file, target }) => `${file.path} imports ${target}`),
    [],
    'what the page shares with the server would bring more of the server into it',
  )
})

test('a package is imported by its one owner, and every dependency has one', () => {
  const faults = []
  const used = new Set<string>()
  for (const one of imports.filter(({ file }) => !isOfPage(file))) {
    if (isRelative(one) || isBuiltIn(one)) continue
    const name = packageOf(one.target)
    used.add(name)
    const isOwner = MAY_KNOW[one.file.room]?.packages.includes(name)
    if (!isOwner) faults.push(`${one.file.path} imports ${name}`)
  }
  assert.deepEqual(faults, [])
  const owned = Object.values(MAY_KNOW).flatMap(({ packages }) => packages)
  assert.equal(new Set(owned).size, owned.length, 'a package has two owners')
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const expected = Object.keys(dependencies).filter((name) => !RUNTIMES.includes(name))
  assert.deepEqual([...used].sort(), expected.sort())
})

test('system modules are imported as node:…', () => {
  const faults = imports.filter((one) => isBuiltIn(one) && !one.target.startsWith('node:'))
  assert.deepEqual(
    faults.map(({ file, target }) => `${file.path}: ${target}`),
    [],
  )
})

test('no file is a dumping ground by its name', () => {
  const faults = files.filter(({ path }) =>
    path
      .split('/')
      .slice(1)
      .some((part) => DUMPING_GROUNDS.test(part.replace(/\.ts$/, ''))),
  )
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  )
})

test('every file says first what it is', () => {
  // AssemblyScript sources may say it in line comments.
  const faults = files.filter(({ text }) => !/^(\/\*\*\s+|\/\/ )\S/.test(text))
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  )
})

test(`no file has more than ${LINES_MAX} lines`, () => {
  const lengths = files.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
  const faults = lengths.filter(({ lines }) => lines > LINES_MAX)
  assert.deepEqual(
    faults.map(({ path, lines }) => `${path}: ${lines}`),
    [],
  )
})

test('clock, environment and chance are read by the doors to the world only', () => {
  const READS = /\bDate\.now\(|\bnew Date\(\)|\bprocess\.env\b|\bMath\.random\(/
  const faults = typeScript.filter(
    ({ room, path, text }) =>
      room !== 'cli' && !path.startsWith(PAGE) && !THREADS.includes(path) && READS.test(text),
  )
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  )
})
