/**
 * Changes the sources of one room at random, one place at a time, and says which changes the tests
 * of that room notice. By hand, not in CI: a room's tests run once for each change. Everything
 * happens in a copy of the project. What survives is either missing a test, or changes nothing:
 * then it is listed in scripts/equivalent-mutants.json. Tests that do not end count as a change
 * noticed, and are told apart: on a busy machine give them more time with --patience.
 * usage: npm run test:mutation -- --room NAME [--count 100] [--seed N] [--patience 4]
 */

import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openRandom } from '../test/support/random.ts'
import { isSyntax, type Mutant, type MutantKind, mutantsOf, mutated } from './mutants.ts'

type PlacedMutant = Mutant & Readonly<{ file: string; line: number; lineText: string }>
type Outcome = 'noticed' | 'survived' | 'equivalent'
/** A test file, how long it takes without a change, and how long it may take with one. */
type TimedTest = Readonly<{ file: string; tookMs: number; limitMs: number }>
type TestRun = 'passed' | 'failed' | 'late' | 'interrupted'
/** A change that no test can notice, named by its whole line and not by the number of it. */
type Equivalent = Pick<PlacedMutant, 'file' | 'lineText' | 'before' | 'after'> &
  Readonly<{ reason: string }>

const ROOT = realpathSync(join(import.meta.dirname, '..'))
const EQUIVALENT_FILE = 'scripts/equivalent-mutants.json'
/** Used, but not copied: nothing is written there. */
const LINKED = ['node_modules', '.tools']
const LEFT_OUT = ['.git', 'data', 'dist']
const NOT_MUTATED = [
  // AssemblyScript: its tests see the compiled module only.
  'src/engine/assembly/**',
  'src/**/*.as.ts',
  // What speaks to a service: its tests need that service, and lie in test/stack.
  'src/log/kafka/**',
  'src/query/trino/**',
  'src/table/catalog/pooling.ts',
  'src/table/catalog/postgresql.ts',
  'src/table/storage/s3*.ts',
]
const KINDS: readonly MutantKind[] = ['operator', 'number', 'condition', 'statement']
const COUNT = 100
const SEED_MAX = 1_000_000
/** Of the time that the tests take without a change. */
const PATIENCE = 4
const LIMIT_MS_MIN = 7_500
const SHOWN_CHARACTERS = 100
const MOUNTS = '/proc/self/mounts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      room: { type: 'string' },
      count: { type: 'string', default: String(COUNT) },
      seed: { type: 'string', default: String(Math.floor(Math.random() * SEED_MAX)) },
      patience: { type: 'string', default: String(PATIENCE) },
    },
  })
  const { room = '' } = values
  const [count, seed, patience] = [values.count, values.seed, values.patience].map(Number) as [
    number,
    number,
    number,
  ]
  const sources = globSync([`src/${room}.ts`, `src/${room}/**/*.ts`], {
    cwd: ROOT,
    exclude: NOT_MUTATED,
  }).sort()
  const tests = globSync(`test/${room}/**/*.test.ts`, { cwd: ROOT }).sort()
  const isUsable = room !== '' && sources.length > 0 && tests.length > 0
  if (!isUsable || !(count > 0) || !(seed >= 0) || !(patience >= 1)) {
    return fail(
      'usage: npm run test:mutation -- --room NAME [--count 100] [--seed N] [--patience 4]',
    )
  }
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'campaign-metrics-mutation-'))
  try {
    copyProject(scratch)
    const mutants = sample(sources, count, seed)
    return await tryMutants(scratch, tests, mutants, `${room}, seed ${seed}`, patience)
  } finally {
    unmountBelow(scratch)
    rmSync(scratch, { recursive: true, force: true })
  }
}

function copyProject(scratch: string): void {
  mkdirSync(join(scratch, 'tmp'))
  for (const name of readdirSync(ROOT)) {
    if (LEFT_OUT.includes(name)) continue
    if (LINKED.includes(name)) symlinkSync(join(ROOT, name), join(scratch, name))
    else cpSync(join(ROOT, name), join(scratch, name), { recursive: true })
  }
}

/** Each kind as often as the others, as far as there are enough. */
function sample(sources: readonly string[], count: number, seed: number): readonly PlacedMutant[] {
  const random = openRandom(seed)
  const all = sources.flatMap(mutantsIn)
  const pools = KINDS.map((kind) => all.filter((mutant) => mutant.kind === kind))
  const drawn: PlacedMutant[] = []
  while (drawn.length < count && pools.some((pool) => pool.length > 0)) {
    const pool = random.pick(pools.filter((each) => each.length > 0))
    const [mutant] = pool.splice(random.below(pool.length), 1)
    if (mutant !== undefined && isSyntax(mutated(read(mutant.file), mutant))) drawn.push(mutant)
  }
  return drawn
}

function mutantsIn(file: string): readonly PlacedMutant[] {
  const source = read(file)
  const lines = source.split('\n')
  return mutantsOf(source).map((mutant) => {
    const line = source.slice(0, mutant.start).split('\n').length
    return { ...mutant, file, line, lineText: lines[line - 1]?.trim() ?? '' }
  })
}

async function tryMutants(
  scratch: string,
  tests: readonly string[],
  mutants: readonly PlacedMutant[],
  name: string,
  patience: number,
): Promise<number> {
  const timed: TimedTest[] = []
  for (const file of tests) {
    const startedMs = performance.now()
    const unchanged = await runTest(scratch, file, Number.POSITIVE_INFINITY)
    if (unchanged === 'interrupted') return fail('interrupted')
    if (unchanged !== 'passed') return fail(`${file} fails without a change; mend it first`)
    const tookMs = performance.now() - startedMs
    timed.push({ file, tookMs, limitMs: Math.max(LIMIT_MS_MIN, tookMs) * patience })
  }
  const equivalents = JSON.parse(read(EQUIVALENT_FILE)) as readonly Equivalent[]
  timed.sort((a, b) => a.tookMs - b.tookMs)
  const counts: Record<Outcome, number> = { noticed: 0, survived: 0, equivalent: 0 }
  let late = 0
  for (const mutant of mutants) {
    if (equivalents.some((each) => keyOf(each) === keyOf(mutant))) {
      counts.equivalent += 1
      continue
    }
    const source = read(mutant.file)
    writeFileSync(join(scratch, mutant.file), mutated(source, mutant))
    const run = await runTests(scratch, timed)
    writeFileSync(join(scratch, mutant.file), source)
    if (run === 'interrupted') break
    const outcome = run === 'passed' ? 'survived' : 'noticed'
    counts[outcome] += 1
    if (run === 'late') late += 1
    const note = run === 'late' ? ' (the tests did not end)' : ''
    console.log(`${outcome.padEnd(10)} ${textOf(mutant)}${note}`)
  }
  const told = counts.noticed + counts.survived
  const percent = told === 0 ? 0 : (100 * counts.noticed) / told
  console.log(
    `${name}: ${counts.noticed} of ${told} changes noticed (${percent.toFixed(1)} %; ` +
      `in ${late} of them the tests did not end), ` +
      `${counts.survived} survived, ${counts.equivalent} change nothing`,
  )
  return stop.signal.aborted ? fail('interrupted') : 0
}

/** The quickest file first; ends at the first that does not pass. */
async function runTests(scratch: string, tests: readonly TimedTest[]): Promise<TestRun> {
  for (const { file, limitMs } of tests) {
    const run = await runTest(scratch, file, limitMs)
    if (run !== 'passed') return run
  }
  return 'passed'
}

/** Ends at the first test that fails. */
function runTest(scratch: string, file: string, limitMs: number): Promise<TestRun> {
  const { promise, resolve } = Promise.withResolvers<TestRun>()
  let ended: TestRun | null = null
  // A group of its own: what the tests have started ends with them.
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', file], {
    cwd: scratch,
    detached: true,
    env: { ...process.env, TMPDIR: join(scratch, 'tmp') },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const end = (run: TestRun): void => {
    ended ??= run
    killGroup(child.pid)
  }
  const interrupt = (): void => end('interrupted')
  const timer = Number.isFinite(limitMs) ? setTimeout(() => end('late'), limitMs) : undefined
  stop.signal.addEventListener('abort', interrupt)
  if (stop.signal.aborted) interrupt()
  let line = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    line += text
    if (/^\s*not ok /m.test(line)) end('failed')
    line = line.slice(line.lastIndexOf('\n') + 1)
  })
  child.on('close', (code) => {
    clearTimeout(timer)
    stop.signal.removeEventListener('abort', interrupt)
    killGroup(child.pid)
    resolve(ended ?? (code === 0 ? 'passed' : 'failed'))
  })
  return promise
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

/** A test that was killed may have left a file system mounted, where Linux lists it. */
function unmountBelow(scratch: string): void {
  const mounts = existsSync(MOUNTS) ? readFileSync(MOUNTS, 'utf8').split('\n') : []
  const places = mounts.map((line) => line.split(' ')[1] ?? '')
  for (const place of places.filter((each) => each.startsWith(`${scratch}/`)).reverse()) {
    spawnSync('umount', [place], { stdio: 'inherit' })
  }
}

function keyOf({ file, lineText, before, after }: Omit<Equivalent, 'reason'>): string {
  return JSON.stringify([file, lineText, before, after])
}

function textOf({ file, line, lineText, before, after }: PlacedMutant): string {
  const short = (text: string): string => text.replace(/\s+/g, ' ').slice(0, SHOWN_CHARACTERS)
  return `${file}:${line}: ${short(before)} → ${short(after)}   in: ${short(lineText)}`
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function fail(message: string): number {
  console.error(`mutation: ${message}`)
  return stop.signal.aborted ? 130 : 1
}
