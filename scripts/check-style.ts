/**
 * Runs Biome over the repository, and fails when it looked at too few files: a wrong pattern must
 * not pass as clean.
 */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const BIOME = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url))
const FILES_MIN = 150

const run = spawnSync(process.execPath, [BIOME, 'check', '--error-on-warnings', '--colors=off'], {
  encoding: 'utf8',
})
process.stdout.write(run.stdout)
process.stderr.write(run.stderr)
const checked = Number(/Checked (\d+) files/.exec(run.stdout + run.stderr)?.[1] ?? 0)
if (run.status !== 0) {
  process.exitCode = 1
} else if (checked < FILES_MIN) {
  console.error(`style: Biome looked at ${checked} files, expected ${FILES_MIN} at least`)
  process.exitCode = 1
}
