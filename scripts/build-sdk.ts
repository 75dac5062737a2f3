/**
 * Builds sdk/dist, what the npm package of the SDK ships: JavaScript and types, as ES modules and,
 * in dist/cjs, as CommonJS for programs and test runners that cannot load the former.
 * usage: node scripts/build-sdk.ts
 */

import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const TSC = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT))
const PROJECTS = ['sdk/tsconfig.build.json', 'sdk/tsconfig.cjs.json']

rmSync(new URL('sdk/dist/', ROOT), { recursive: true, force: true })
if (PROJECTS.every(compile)) {
  writeFileSync(new URL('sdk/dist/cjs/package.json', ROOT), '{ "type": "commonjs" }\n')
} else {
  process.exitCode = 1
}

function compile(project: string): boolean {
  const words = [TSC, '-p', project]
  return spawnSync(process.execPath, words, { cwd: ROOT, stdio: 'inherit' }).status === 0
}
