/**
 * Makes dist/, what the npm package ships: the JavaScript of src/, and beside it what that reads
 * when it runs.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const DIST = new URL('dist/', ROOT)
const READ_AT_RUN_TIME = [
  'src/**/*.wasm',
  'src/dashboard/build',
  'src/collect/build',
  'src/dashboard/openapi.json',
  'src/flink/job/job.sql',
]
/** They say to the next build whether it has anything to do. */
const FINGERPRINTS = ['dashboard/build/fingerprint', 'collect/build/fingerprint']

rmSync(DIST, { recursive: true, force: true })
const compiled = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT)), '-p', 'tsconfig.build.json'],
  { cwd: ROOT, stdio: 'inherit' },
)
if (compiled.status !== 0) {
  process.exitCode = 1
} else {
  for (const path of globSync(READ_AT_RUN_TIME, { cwd: fileURLToPath(ROOT) })) {
    cpSync(new URL(path, ROOT), new URL(path.replace(/^src/, 'dist'), ROOT), { recursive: true })
  }
  for (const path of FINGERPRINTS) rmSync(new URL(path, DIST), { force: true })
}
