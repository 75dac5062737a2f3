/**
 * Builds sdk/dist, what the npm package of the SDK ships: JavaScript and types.
 * usage: node scripts/build-sdk.ts
 */

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const TSC = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT))

rmSync(new URL('sdk/dist/', ROOT), { recursive: true, force: true })
const compiled = spawnSync(process.execPath, [TSC, '-p', 'sdk/tsconfig.build.json'], {
  cwd: ROOT,
  stdio: 'inherit',
})
process.exitCode = compiled.status ?? 1
