#!/usr/bin/env node
/**
 * The `campaign-metrics` command. It is plain old JavaScript, so that any Node can read it: when the Node that reads it
 * is not the one we are built for, it starts the pinned runtime (npm's `node` package, a dependency like any other) and
 * passes on arguments, signals and the exit code. In a checkout it runs src/cli.ts, in the published package dist/cli.js.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NODE_MAJOR = 24
const EXIT_SETUP = 2
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src', 'cli.ts')
const cli = existsSync(source) ? source : join(root, 'dist', 'cli.js')

if (!existsSync(cli)) {
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
    const name = process.platform === 'win32' ? 'node.exe' : 'node'
    const path = join(dirname(manifest), 'bin', name)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

function runPinned(runtime) {
  if (runtime === undefined) {
    stop(
      `this is Node ${process.versions.node} (${process.execPath}), campaign-metrics needs Node ${NODE_MAJOR}, and the ` +
        `one it brings (npm's \`node\` package) is not installed. Install again without --ignore-scripts and ` +
        `--omit=optional, or run it with Node ${NODE_MAJOR}.`,
    )
    return
  }
  const child = spawn(runtime, [cli, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends ctrl-C to both processes: the child decides, this one only waits.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => stop(`cannot start ${runtime}: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
  })
}

function stop(message) {
  console.error(`campaign-metrics: ${message}`)
  process.exitCode = EXIT_SETUP
}
