/**
 * Options that several commands share, what they lead to (the configuration and the collector's
 * address), and what npm may have taken of any of them.
 */

import querystring from 'node:querystring'
import type { Command, Option } from 'commander'
import { type Config, DEFAULT_CONFIG_FILE, loadConfig } from '../config.ts'
import { CliError } from './error.ts'
import type { Terminal } from './terminal.ts'

export type ConfigOption = Readonly<{ config?: string }>
export type UrlOption = Readonly<{ url?: string }>

/**
 * Where the collector is, without a slash at the end; the key to show it; and what a proxy in front
 * asks for (Basic).
 */
export type Collector = Readonly<{
  url: string
  key: string | undefined
  proxyAuthorization?: string | undefined
}>

const KEY_VARIABLE = 'CAMPAIGN_METRICS_KEY'
/** What npm calls its own options with one letter, where we have the same letter. */
const NPM_LETTERS: Readonly<Record<string, string>> = { '-c': 'call' }

/** Called with the exit code of the command that has run. */
export type Finish = (exitCode: number) => void

export function addConfigOption(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    `configuration file (default: ./${DEFAULT_CONFIG_FILE}, if there)`,
  )
}

export function addUrlOption(command: Command): Command {
  return command.option(
    '--url <url>',
    'the collector to talk to, with the path under which a proxy serves it, if any (default: ' +
      `what \`listen\` says); its key comes from ${KEY_VARIABLE}`,
  )
}

export function configOf(options: ConfigOption, terminal: Terminal): Config {
  return loadConfig(options.config, terminal.environment)
}

/** A key of the configuration goes to the configured address only, never to one that was typed. */
export function collectorOf(
  options: UrlOption,
  config: Config,
  kind: 'write' | 'read',
  terminal: Terminal,
): Collector {
  const given = terminal.environment[KEY_VARIABLE] || undefined
  if (options.url === undefined)
    return { url: listenUrl(config), key: given ?? config.keys[kind][0] }
  return { ...givenPlace(options.url), key: given }
}

/** The path is kept: the root of that host may be another program, which must get no keys. */
function givenPlace(text: string): Omit<Collector, 'key'> {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CliError(
      'usage',
      `--url: ${JSON.stringify(text)} is not a URL such as http://127.0.0.1:8088`,
    )
  }
  const { origin, pathname, username, password } = url
  // Not in `search` and `hash` when nothing follows them.
  if (/[?#]/.test(text)) {
    throw new CliError(
      'usage',
      `--url: ${origin}${pathname} has a query or a fragment; name the collector alone. A key ` +
        `goes into ${KEY_VARIABLE}`,
    )
  }
  const place = { url: origin + pathname.replace(/\/+$/, '') }
  if (username === '' && password === '') return place
  const credentials = `${querystring.unescape(username)}:${querystring.unescape(password)}`
  return { ...place, proxyAuthorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/** The address on which this machine reaches what listens at `listen`. */
function listenUrl({ listen }: Config): string {
  if (listen.port === 0) {
    throw new CliError(
      'usage',
      '`listen` has port 0, so the port is known to the running process only; pass the URL it ' +
        'printed with --url',
    )
  }
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}

/** Runs a command's work and passes its exit code on. */
export function action<Args extends unknown[]>(
  finish: Finish,
  work: (...args: Args) => Promise<number>,
): (...args: Args) => Promise<void> {
  return async (...args) => finish(await work(...args))
}

/**
 * Throws CliError `usage` when npm kept options of this command: `npm start --demo` runs `start`
 * without `--demo`, because npm takes what stands before `--` for its own. It leaves a trace in the
 * environment, so that the user gets an error instead of a command without the option.
 *
 *     npm start --demo=500        npm_config_demo=500
 *     npm start --demo 500        npm_config_demo=true, and 500 as an argument
 *     npm start -c x.yaml         npm_config_call=x.yaml: the short form is one of npm's own
 */
export function refuseSwallowedOptions(
  command: Command,
  words: readonly string[],
  environment: Terminal['environment'],
): void {
  const script = environment.npm_lifecycle_event
  if (script === undefined) return
  const swallowed = command.options.flatMap((option) => wordOf(option, environment) ?? [])
  if (swallowed.length === 0) return
  const run = script === 'start' ? 'npm start' : `npm run ${script}`
  const meant = [...swallowed, ...words].join(' ')
  throw new CliError(
    'usage',
    `npm has kept ${swallowed.join(' ')} for itself. Put -- before the options of ` +
      `${command.name()}: ${run} -- ${meant}`,
  )
}

/** As it has to be written; null = npm has not seen it. */
function wordOf({ long, short }: Option, environment: Terminal['environment']): string | null {
  const name = long?.replace(/^--/, '').replaceAll('-', '_')
  const value = environment[`npm_config_${name}`]
  // What was negated, as in --no-demo, is empty.
  if (name !== undefined && value) return value === 'true' ? `${long}` : `${long}=${value}`
  const letter = short === undefined ? undefined : NPM_LETTERS[short]
  const given = letter === undefined ? undefined : environment[`npm_config_${letter}`]
  return given ? `${short} ${given}` : null
}
