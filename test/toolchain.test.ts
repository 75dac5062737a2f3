/**
 * The toolchain's own promises: no lockfile with holes, no test run that is empty, no other Node by
 * accident.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import {
  completeLockfile,
  type Lockfile,
  missingPlatforms,
  platformOf,
} from '../scripts/complete-lockfile.ts'
import { isRightRuntime } from '../src/cli/process-start.ts'
import { makeScratchFolder } from './support/scratch.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = makeScratchFolder('toolchain')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const lockText = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
const lockfile = JSON.parse(lockText) as Lockfile

test('the lockfile names every platform of every native package, for `npm ci`', () => {
  assert.deepEqual(
    missingPlatforms(lockfile).map(({ path }) => path),
    [],
    '`npm run lockfile` adds them',
  )
  const bindings = Object.keys(lockfile.packages).filter((path) => path.includes('/node-bindings-'))
  assert.ok(bindings.length >= 6, `DuckDB has bindings for ${bindings.length} platforms`)
})

test('the lockfile names no registry', () => {
  assert.doesNotMatch(lockText, /"resolved"/)
  const hosts = lockText.match(/https?:\/\/[^/"]+/g) ?? []
  const registries = hosts.filter((host) =>
    /registry|npmjs|mirror|proxy|localhost|\d+\.\d+/.test(host),
  )
  assert.deepEqual(registries, [])
})

test('completing a lockfile adds what is missing, sorted, and changes nothing else', () => {
  const before: Lockfile = {
    packages: {
      'node_modules/native': {
        version: '1.2.3',
        dev: true,
        optionalDependencies: {
          '@native/darwin-arm64': '1.2.3',
          '@native/linux-x64-musl': '1.2.3',
        },
      },
      'node_modules/@native/linux-x64-musl': { version: '1.2.3', resolved: 'https://somewhere/x' },
    },
  }
  assert.deepEqual(Object.entries(completeLockfile(before).packages), [
    [
      'node_modules/@native/darwin-arm64',
      { version: '1.2.3', cpu: ['arm64'], dev: true, optional: true, os: ['darwin'] },
    ],
    ['node_modules/@native/linux-x64-musl', { version: '1.2.3' }],
    ['node_modules/native', before.packages['node_modules/native']],
  ])
})

test('platforms are read from names as npm writes them', () => {
  assert.deepEqual(platformOf('@duckdb/node-bindings-win32-x64'), { cpu: ['x64'], os: ['win32'] })
  assert.deepEqual(platformOf('@oxc-parser/binding-linux-arm-musleabihf'), {
    cpu: ['arm'],
    libc: ['musl'],
    os: ['linux'],
  })
  assert.throws(() => platformOf('@native/binding-amiga-68k'), /cannot tell the platform/)
})

test('every version is exact', () => {
  const versions = { ...manifest.dependencies, ...manifest.devDependencies }
  const loose = Object.entries(versions).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)),
  )
  assert.deepEqual(loose, [])
})

test('this runs on the pinned Node, and nothing else is taken for it', () => {
  assert.equal(process.versions.node, manifest.dependencies.node)
  assert.equal(isRightRuntime(process.versions.node), true)
  assert.equal(isRightRuntime('20.20.2'), false)
  assert.equal(isRightRuntime('240.0.0'), false)
  assert.match(manifest.engines.node, new RegExp(`>=${process.versions.node.split('.')[0]}\\b`))
})

test('the command runs on the pinned Node when another one starts it', (t) => {
  const other = otherNode()
  if (other === null) return t.skip('this machine has no other Node')
  const run = spawnSync(other, [join(ROOT, 'bin/campaign-metrics.js'), '--version'], {
    encoding: 'utf8',
  })
  assert.equal(run.stdout, `${manifest.version}\n`, run.stderr)
  assert.equal(run.status, 0)
  const wrong = spawnSync(other, [join(ROOT, 'bin/campaign-metrics.js'), 'strat'], {
    encoding: 'utf8',
  })
  assert.equal(wrong.status, 2, 'the exit code passes through')
})

/** A Node of another major version on the PATH. */
function otherNode(): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'node')
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (status === 0 && !isRightRuntime(stdout.trim().replace(/^v/, ''))) return path
  }
  return null
}

function runTests(name: string, text: string): { status: number | null; output: string } {
  const file = join(FOLDER, name)
  writeFileSync(file, text)
  return run([file])
}

/** scripts/test.ts as `npm test` runs it, not as a test inside of this one. */
function run(words: readonly string[]): { status: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const done = spawnSync(process.execPath, [join(ROOT, 'scripts/test.ts'), ...words], {
    encoding: 'utf8',
    env,
  })
  return { status: done.status, output: done.stdout + done.stderr }
}

test('a test run without a file, without a test, or with skipped tests only fails', () => {
  const head = "import { test } from 'node:test'\n"
  const none = run([join(FOLDER, 'nothing-*.test.ts')])
  assert.equal(none.status, 1)
  assert.match(none.output, /no test file matches/)
  assert.match(runTests('empty.test.ts', 'export {}').output, /test: no test ran/)
  assert.equal(runTests('empty.test.ts', 'export {}').status, 1)
  assert.equal(runTests('skip.test.ts', `${head}test.skip('x', () => {})`).status, 1)
  assert.equal(runTests('fail.test.ts', `${head}test('x', () => { throw new Error() })`).status, 1)
  assert.equal(runTests('pass.test.ts', `${head}test('x', () => {})`).status, 0)
})

test('every npm script runs a file that exists', () => {
  const files = Object.values(manifest.scripts as Record<string, string>).flatMap((script) =>
    [...script.matchAll(/\bnode ((?:scripts|bin|bench|test|src)\/[\w./-]+)/g)].map(
      (match) => match[1] ?? '',
    ),
  )
  assert.ok(files.length >= 10)
  for (const file of files) assert.ok(readFileSync(join(ROOT, file)).length > 0, file)
})

test('CI installs, checks and tests, and stops at the first failure', () => {
  const script = readFileSync(join(ROOT, '.ci/run'), 'utf8')
  assert.match(script, /^#!\/usr\/bin\/env bash\n/)
  const commands = script.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(commands, [
    'set -euo pipefail',
    'cd "$(dirname "$0")/.."',
    'export CI=true',
    'npm ci',
    'npm run check',
    'npm test',
    'npm run test:stack',
  ])
})
