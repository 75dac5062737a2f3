/**
 * The commands. This file first sees to it that the process can be ended and holds it to its
 * runtime, and only then loads the rest, which takes half a second and which another Node could not
 * even read.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { endOnSignals, endWithLauncher, requireRuntime } from './cli/process-start.ts'

endOnSignals()
endWithLauncher()
requireRuntime()
const { wakePool } = await import('./runtime.ts')
wakePool()
const { runCli } = await import('./cli/program.ts')
// Loading leaves no time to listen: a signal that came meanwhile ends it here.
await turn()
process.exitCode = await runCli(process.argv.slice(2))
