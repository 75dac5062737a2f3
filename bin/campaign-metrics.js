#!/usr/bin/env node
/**
 * The `campaign-metrics` command. It is plain old JavaScript, so that any Node can read it: when
 * the Node that reads it is not the one we are built for, it starts the pinned runtime (npm's
 * `node` package, a dependency like any other) and passes on arguments, signals and the exit code.
 * In a checkout it runs src/cli.ts, in the published package dist/cli.js.
 *
 * Signals are listened to before anything else: as process 1 of a container, the kernel drops a
 * signal that nobody listens to. The pinned runtime has a channel to this process, and ends in
 * order when the channel breaks: a launcher that is killed leaves no process on its port.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NODE_MAJOR = 24
const EXIT_SETUP = 2
/** What a command may be asked to end with. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
/** Tells the pinned runtime that its channel is ours: a process manager may open one as well. */
const LAUNCHED = 'CAMPAIGN_METRICS_LAUNCHED'

let child
for (const name of SIGNALS) process.on(name, () => receive(name))

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src', 'cli.ts')
const cli = existsSync(source) ? source : join(root, 'dist', 'cli.js')

if (process.platform === 'win32') {
  stop(
    'Windows is supported through WSL only, since the durability of the log rests on what ' +
      'Linux and macOS promise. ' +
      'Install WSL (wsl --install), then install and run campaign-metrics in it.',
  )
} else if (!existsSync(cli)) {
  stop(`${cli} is missing: the installation is not complete. Install campaign-metrics again.`)
} else if (Number(process.versions.node.split('.')[0]) === NODE_MAJOR) {
  process.argv[1] = cli
  await import(pathToFileURL(cli).href)
} else {
  runPinned(pinnedRuntime())
}

/** The path of the Node that npm installed beside us, or undefined. */
function pinnedRuntime() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json')
    const path = join(dirname(manifest), 'bin', 'node')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

function runPinned(runtime) {
  if (runtime === undefined) {
    stop(
      `this is Node ${process.versions.node} (${process.execPath}), campaign-metrics needs ` +
        `Node ${NODE_MAJOR}, and the ` +
        `one it brings (npm's \`node\` package) is not installed. Install again without ` +
        '--ignore-scripts and ' +
        `--omit=optional, or run it with Node ${NODE_MAJOR}.`,
    )
    return
  }
  child = spawn(runtime, [cli, ...process.argv.slice(2)], {
    env: { ...process.env, [LAUNCHED]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  child.on('error', (error) => stop(`cannot start ${runtime}: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
  })
}

/** A terminal sends ctrl-C to both processes; the child takes two of the same moment for one. */
function receive(name) {
  if (child !== undefined) child.kill(name)
  // Once the command listens for itself, it decides.
  else if (process.listenerCount(name) === 1) process.exit(128 + constants.signals[name])
}

function stop(message) {
  console.error(`campaign-metrics: ${message}`)
  process.exitCode = EXIT_SETUP
}
