/** Makes dist/, what the npm package ships: the JavaScript of src/ and the engine's WebAssembly modules beside it. */

import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const DIST = new URL('dist/', ROOT)

rmSync(DIST, { recursive: true, force: true })
const compiled = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT)), '-p', 'tsconfig.build.json'],
  { cwd: ROOT, stdio: 'inherit' },
)
if (compiled.status !== 0) {
  process.exitCode = 1
} else {
  for (const module of globSync('src/**/*.wasm', { cwd: fileURLToPath(ROOT) })) {
    cpSync(new URL(module, ROOT), new URL(module.replace(/^src/, 'dist'), ROOT))
  }
}
