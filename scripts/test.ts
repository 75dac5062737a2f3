/**
 * Runs the tests and fails when none ran, which `node --test` alone takes for a success. What needs
 * real services lies in test/stack, or in test/stack-long where it takes long, and runs only when
 * it is named, file by file: the services share the machine.
 * usage: node scripts/test.ts [GLOB, FILE or FOLDER…] [--test-… options of node]
 */

import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, matchesGlob } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRightRuntime, runtimeMessage } from '../src/cli/process-start.ts'
import { closeSharedStack } from '../test/stack/support/shared-stack.ts'
import type { TestCounts } from './test-counts.ts'

const ALL_TESTS = 'test/**/*.test.ts'
const STACK_TESTS = ['test/stack/**', 'test/stack-long/**']
/** A file that takes longer than this hangs. */
const TEST_TIMEOUT_MS = 10 * 60_000
const STACK_TEST_TIMEOUT_MS = 30 * 60_000
const LONG_TEST_TIMEOUT_MS = 180 * 60_000
const CONCURRENCY = 2

process.exitCode = await runTests(process.argv.slice(2))

async function runTests(args: readonly string[]): Promise<number> {
  if (!isRightRuntime(process.versions.node)) return fail(runtimeMessage())
  const patterns = args.filter((arg) => !arg.startsWith('-'))
  const options = args.filter((arg) => arg.startsWith('-'))
  const files = testFiles(patterns)
  const isOnStack = files.some((file) => STACK_TESTS.some((glob) => matchesGlob(file, glob)))
  const isLong = files.some((file) => matchesGlob(file, 'test/stack-long/**'))
  const timeoutMs = isLong ? LONG_TEST_TIMEOUT_MS : STACK_TEST_TIMEOUT_MS
  if (files.length === 0) return fail(`no test file matches ${patterns.join(' ') || ALL_TESTS}`)

  const scratch = mkdtempSync(join(tmpdir(), 'campaign-metrics-test-'))
  try {
    const countsFile = join(scratch, 'counts.json')
    const status = spawnNode([
      '--test',
      `--test-concurrency=${isOnStack ? 1 : CONCURRENCY}`,
      `--test-timeout=${isOnStack ? timeoutMs : TEST_TIMEOUT_MS}`,
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      `--test-reporter=${fileURLToPath(new URL('test-counts.ts', import.meta.url))}`,
      `--test-reporter-destination=${countsFile}`,
      ...options,
      ...files,
    ])
    if (status !== 0) return status
    const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as TestCounts
    return counts.passed > 0 ? 0 : fail('no test ran')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    if (isOnStack) await closeSharedStack()
  }
}

/** The files that were named, or all but those on real services. */
function testFiles(patterns: readonly string[]): readonly string[] {
  if (patterns.length > 0) return globSync(patterns.map(inFolder)).sort()
  return globSync([ALL_TESTS], { exclude: STACK_TESTS }).sort()
}

/** A folder stands for all tests in it. */
function inFolder(pattern: string): string {
  const isFolder = statSync(pattern, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder ? join(pattern, '**/*.test.ts') : pattern
}

function spawnNode(args: readonly string[]): number {
  const done = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (done.error) return fail(`cannot run ${process.execPath}: ${done.error.message}`)
  return done.status ?? 1
}

function fail(message: string): number {
  console.error(`test: ${message}`)
  return 1
}
