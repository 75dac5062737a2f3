/**
 * The command `npm run stack`: starts the services of compose.yaml without containers, and leaves
 * them running.
 * usage: npm run stack -- up|down|status [SERVICE…] [--name NAME] [--port-base PORT]
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { writeConfiguration } from './own-configuration.ts'
import { findPortBase } from './port-base.ts'
import { describeStack, inOrder, SERVICE_NAMES, type Stack } from './stack.ts'
import { TOOLS } from './tools.ts'

const USAGE =
  'usage: npm run stack -- up|down|status [SERVICE…] [--name NAME] [--port-base PORT]\n' +
  `services: ${SERVICE_NAMES.join(', ')} (all, when none is named)`

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`stack: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}

async function main(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: 'string', default: 'stack' }, 'port-base': { type: 'string' } },
  })
  const [command, ...named] = positionals
  const services = inOrder(named.length === 0 ? SERVICE_NAMES : named)
  const folder = join(TOOLS, 'run', values.name)
  if (command !== 'up' && !existsSync(portFile(folder))) {
    console.error(command === 'down' || command === 'status' ? `no stack ${values.name}` : USAGE)
    return command === 'down' ? 0 : 2
  }
  const portBase = await choosePortBase(folder, values['port-base'])
  const stack = describeStack({ services, folder, portBase, isDetached: true })
  switch (command) {
    case 'up':
      for (const [index, service] of services.entries()) {
        await start(stack, service, `${index + 1}/${services.length}`)
      }
      console.log('')
      if ((await showState(stack, services)) !== 0) return 1
      if (services.length === SERVICE_NAMES.length) showUse(stack, folder)
      return 0
    case 'down':
      for (const service of services.toReversed()) await stack.stop(service)
      return 0
    case 'status':
      return showState(stack, services)
    default:
      console.error(USAGE)
      return 2
  }
}

async function start(stack: Stack, service: string, place: string): Promise<void> {
  const begun = performance.now()
  console.log(`${place} ${service}: starting…`)
  await stack.start(service)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${place} ${service}: healthy after ${seconds} s`)
}

/** How `campaign-metrics` runs on it. */
function showUse(stack: Stack, folder: string): void {
  const { config, environment } = writeConfiguration(stack, folder)
  const [configPath, environmentPath] = [config, environment].map((file) =>
    relative(process.cwd(), file),
  )
  console.log(`
campaign-metrics on these services (the first line sets the passwords):
  . ${environmentPath}
  npx campaign-metrics setup --config ${configPath}
  npx campaign-metrics start --config ${configPath}`)
}

/** The state of each service; 1 when one of them is not healthy. */
async function showState(stack: Stack, services: readonly string[]): Promise<number> {
  const states = []
  for (const service of services) states.push(await stack.state(service))
  for (const { service, address, pid, isHealthy, log } of states) {
    const health = isHealthy ? 'healthy' : pid === null ? 'down' : 'not healthy'
    const place = pid === null ? '' : log
    console.log(
      [service.padEnd(12), address, String(pid ?? '–').padEnd(8), health.padEnd(12), place].join(
        '  ',
      ),
    )
  }
  return states.every(({ isHealthy }) => isHealthy) ? 0 : 1
}

/**
 * The first port of a stack stays the same as long as its folder: files and clients have it in
 * them.
 */
async function choosePortBase(folder: string, asked: string | undefined): Promise<number> {
  const file = portFile(folder)
  const known = existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
  if (known !== undefined && asked !== undefined && Number(asked) !== known) {
    throw new Error(
      `this stack has the ports from ${known}: take another --name, or no --port-base`,
    )
  }
  const portBase = known ?? (asked === undefined ? await findPortBase() : Number(asked))
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, `${portBase}`)
  return portBase
}

function portFile(folder: string): string {
  return join(folder, 'port-base')
}
