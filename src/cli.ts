/**
 * The commands. This file first holds the process to its runtime and only then loads the rest, which another Node
 * could not even read.
 */

import { requireRuntime } from './cli/runtime.ts'

requireRuntime()
const { wakePool } = await import('./wake-pool.ts')
wakePool()
const { runCli } = await import('./cli/program.ts')
process.exitCode = await runCli(process.argv.slice(2))
