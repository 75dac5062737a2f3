/**
 * The rooms of the program and what each may know, held against the imports that stand in the
 * sources. A room is a door (`src/log.ts`) with a folder behind it (`src/log/`). TypeScript 7 has
 * no compiler API in JavaScript, so imports are found by their form: Biome puts every static one at
 * the start of a line.
 */

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

type Knowledge = Readonly<{ rooms: readonly string[]; packages: readonly string[] }>

/**
 * Room → the rooms whose doors it may use, and the packages it owns. Read from the top: a room
 * knows only rooms above it. A package has one owner.
 */
const MAY_KNOW: Readonly<Record<string, Knowledge>> = {
  event: { rooms: [], packages: [] },
  runtime: { rooms: [], packages: [] },
  csv: { rooms: [], packages: ['csv-parse'] },
  'dashboard-definition': { rooms: [], packages: [] },
  'demo-traffic': { rooms: [], packages: [] },
  config: { rooms: ['runtime', 'dashboard-definition'], packages: ['yaml', 'zod'] },
  meter: { rooms: [], packages: ['prom-client'] },
  engine: { rooms: ['event', 'runtime'], packages: [] },
  rejected: { rooms: ['event', 'runtime'], packages: [] },
  log: { rooms: ['runtime'], packages: ['@node-rs/crc32', '@platformatic/kafka'] },
  collect: {
    rooms: ['event', 'runtime', 'meter', 'engine', 'rejected', 'log'],
    packages: ['fastify', 'isbot'],
  },
  table: {
    rooms: ['event', 'runtime'],
    packages: ['avsc', 'hyparquet', '@aws-sdk/client-s3', 'pg'],
  },
  query: {
    rooms: ['event', 'runtime', 'dashboard-definition', 'table'],
    packages: ['@duckdb/node-api'],
  },
  job: { rooms: ['event', 'config', 'log', 'table', 'query'], packages: [] },
  embedded: {
    rooms: ['event', 'runtime', 'config', 'engine', 'rejected', 'log', 'table', 'query', 'job'],
    packages: [],
  },
  flink: {
    rooms: ['event', 'runtime', 'config', 'rejected', 'log', 'table', 'query', 'job'],
    packages: [],
  },
  dashboard: {
    rooms: ['event', 'runtime', 'csv', 'dashboard-definition', 'collect', 'query', 'job'],
    packages: ['fflate'],
  },
  setup: {
    rooms: ['runtime', 'config', 'log', 'table', 'query', 'flink', 'dashboard'],
    packages: [],
  },
  pipeline: {
    rooms: [
      'event',
      'runtime',
      'config',
      'meter',
      'engine',
      'rejected',
      'log',
      'collect',
      'table',
      'job',
      'embedded',
      'flink',
      'dashboard',
    ],
    packages: [],
  },
  cli: {
    rooms: [
      'event',
      'runtime',
      'csv',
      'demo-traffic',
      'config',
      'engine',
      'rejected',
      'table',
      'query',
      'setup',
      'pipeline',
    ],
    packages: ['cli-progress', 'commander'],
  },
  page: { rooms: ['dashboard-definition'], packages: [] },
}

/**
 * Runs in browsers: it has no door, and its packages are bundled. Time and chance are the
 * browser's.
 */
const PAGE = 'src/page/'
const BUNDLED = ['echarts']

/** Dependencies that no source imports: the runtime itself. */
const RUNTIMES = ['node']
const DUMPING_GROUNDS =
  /^(index|data|info|handle|process)$|(^|-)(utils?|helpers?|common|misc|shared|manager|stuff)(-|$)/
/** A longer file holds more than one idea, or says here why it does not. */
const LINES_MAX = 500
/**
 * The first files of threads: they hand clock and environment in, as src/cli/ does for the process.
 */
const THREADS = [
  'src/embedded/worker.ts',
  'src/dashboard/cells/maker-worker.ts',
  'src/dashboard/figures/worker.ts',
]
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

/** A folder's own door is inside of it. */
function isInside(path: string, folder: string): boolean {
  return path === `${folder}.ts` || path.startsWith(`${folder}/`)
}

/** Each circle once, as the files that it leads through. */
function circlesIn(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = []
  const done = new Set<string>()
  function walk(path: string, trail: readonly string[]): void {
    const at = trail.indexOf(path)
    if (at >= 0) circles.push([...trail.slice(at), path].join(' → '))
    if (at >= 0 || done.has(path)) return
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) walk(path, [])
  return circles
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
    const hasDoor = existsSync(join(ROOT, `src/${room}.ts`))
    assert.equal(hasDoor, `src/${room}/` !== PAGE, `the door of ${room}, src/${room}.ts`)
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

test('the page is bundled: it imports bundled packages only, and no room imports it', () => {
  const packages = imports.filter((one) => isOfPage(one.file) && !isRelative(one))
  const bundled = new Set(packages.map(({ target }) => packageOf(target)))
  assert.deepEqual([...bundled].sort(), BUNDLED)
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of BUNDLED) assert.ok(name in devDependencies, `${name} is no devDependency`)
  const faults = imports.filter(
    (one) => isRelative(one) && !isOfPage(one.file) && resolved(one).startsWith(PAGE),
  )
  assert.deepEqual(
    faults.map(({ file, target }) => `${file.path} imports ${target}`),
    [],
  )
})

test('files do not import each other in circles, types included', () => {
  const known = new Set(typeScript.map(({ path }) => path))
  const edges = new Map<string, string[]>()
  for (const one of imports.filter(isRelative)) {
    const to = resolved(one)
    if (known.has(to)) edges.set(one.file.path, [...(edges.get(one.file.path) ?? []), to])
  }
  assert.deepEqual(circlesIn(edges), [])
})

test('inside a room, a folder beside a file of its name is imported through that file', () => {
  const paths = new Set(files.map(({ path }) => path))
  const faults = imports.filter(isRelative).flatMap((one) => {
    const parts = dirname(resolved(one)).split('/')
    // A room's own door is checked above; here are the doors below it.
    const folders = parts.map((_, i) => parts.slice(0, i + 1).join('/')).slice(2)
    const bypassed = folders.find(
      (folder) => paths.has(`${folder}.ts`) && !isInside(one.file.path, folder),
    )
    return bypassed === undefined
      ? []
      : [`${one.file.path} imports ${one.target}, past ${bypassed}.ts`]
  })
  assert.deepEqual(faults, [])
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
