/** Makes dist/, what the npm package ships: the JavaScript of src/, the engine's WebAssembly modules and the page beside it. */

import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const DIST = new URL('dist/', ROOT)
const READ_AT_RUN_TIME = ['src/**/*.wasm', 'src/dashboard/build', 'src/dashboard/openapi.json']

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
  const page = (folder: string): URL => new URL(`${folder}/dashboard/build/`, ROOT)
  cpSync(page('src'), page('dist'), { recursive: true })
}
