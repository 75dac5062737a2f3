/**
 * Holds the process to the Node it is written for. Imported first by src/cli.ts, before any module
 * that another Node cannot load; bin/campaign-metrics.js finds the right one, so this speaks only
 * to those who went past it.
 */

import process from 'node:process'

const NODE_MAJOR = 24
const EXIT_SETUP = 2

export function isRightRuntime(version: string): boolean {
  return Number(version.split('.')[0]) === NODE_MAJOR
}

export function runtimeMessage(): string {
  return (
    `this is Node ${process.versions.node} (${process.execPath}), campaign-metrics needs Node ` +
    `${NODE_MAJOR}; ` +
    'start it with `npm start`, `npx campaign-metrics` or bin/campaign-metrics.js, which ' +
    'bring it along'
  )
}

/** Ends the process with a message when it runs on another Node. */
export function requireRuntime(): void {
  if (isRightRuntime(process.versions.node)) return
  console.error(`campaign-metrics: ${runtimeMessage()}`)
  process.exit(EXIT_SETUP)
}
