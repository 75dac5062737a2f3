/**
 * Reads the configuration file: YAML 1.2, then environment variables, then the schema; all faults
 * with their lines.
 */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, isMap, isScalar, type Node } from 'yaml'
import { reasonOf, systemCode } from '../runtime.ts'
import { type Config, DEFAULT_CONFIG_FILE } from './config.ts'
import { type Environment, substituteEnvironment } from './environment.ts'
import { ConfigError, type ConfigProblem, type SettingProblem } from './error.ts'
import { resolveSettings } from './resolved.ts'
import { checkSettings } from './settings.ts'
import { readYaml, type YamlText } from './yaml-text.ts'

const FILE_BYTES_MAX = 1024 * 1024

/**
 * The configuration in `path`, or in `campaign-metrics.yaml` of the working folder, or, when there
 * is none, the defaults. Relative paths in it are those of its folder. Throws `ConfigError`.
 */
export function loadConfig(path: string | undefined, environment: Environment): Config {
  const file = resolve(path ?? DEFAULT_CONFIG_FILE)
  const text = readConfigFile(file, path === undefined)
  return text === null
    ? parseConfig('', null, process.cwd(), environment)
    : parseConfig(text, file, dirname(file), environment)
}

/** The file's text; null when it is the default file and does not exist. */
function readConfigFile(file: string, isDefault: boolean): string | null {
  const problem = (reason: string): ConfigProblem[] => [{ path: '', line: null, reason }]
  try {
    const bytes = readFileSync(file)
    if (bytes.length <= FILE_BYTES_MAX)
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') {
      const reason = `cannot be read: ${reasonOf(cause)}`
      throw new ConfigError('unreadable', file, problem(reason), cause)
    }
    if (isDefault) return null
    const reason =
      'there is no such file; check the path after --config, or leave it out for the defaults'
    throw new ConfigError('missing', file, problem(reason), cause)
  }
}

/** The configuration in `text`, with paths relative to `folder`. */
function parseConfig(
  text: string,
  file: string | null,
  folder: string,
  environment: Environment,
): Config {
  const yaml = readYaml(text)
  if ('faults' in yaml) {
    const problems = yaml.faults.map(({ line, reason }) => ({
      path: '',
      line,
      reason: `not YAML: ${reason}`,
    }))
    throw new ConfigError('syntax', file, problems)
  }

  const problems: SettingProblem[] = []
  const raw = substituteEnvironment(yaml.value, environment, (place, reason) =>
    problems.push({ place, reason }),
  )
  const absolute = (path: string): string => resolve(folder, path)
  const checked = checkSettings(raw, absolute)
  // A missing variable makes its setting wrong as well: only the cause is reported.
  problems.push(
    ...checked.problems.filter(
      (found) => !problems.some((known) => leadsTo(found.place, known.place)),
    ),
  )
  if (problems.length > 0) {
    throw new ConfigError(
      'invalid',
      file,
      inFileOrder(problems.map((problem) => located(problem, yaml))),
    )
  }
  return resolveSettings(checked.settings, file, absolute, environment)
}

function located(problem: SettingProblem, { document, lineOf }: YamlText): ConfigProblem {
  const { place, reason } = problem
  const offset = offsetOf(problem, document)
  return { path: pathText(place), line: offset === undefined ? null : lineOf(offset), reason }
}

/**
 * Where a problem is in the text: at the misspelt key, at the wrong value, or at the nearest node
 * around it.
 */
function offsetOf(problem: SettingProblem, document: Document): number | undefined {
  const place = problem.place.map((key) => (typeof key === 'symbol' ? String(key) : key))
  for (let length = place.length; length > 0; length--) {
    const key = place[length - 1]
    const parent = document.getIn(place.slice(0, length - 1), true)
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      const node = (problem.isName === true ? pair?.key : (pair?.value ?? pair?.key)) as
        | Node
        | undefined
      if (node?.range) return node.range[0]
    }
    const node = document.getIn(place.slice(0, length), true) as Node | undefined
    if (node?.range) return node.range[0]
  }
  return undefined
}

/** `keys.write[0]` */
function pathText(place: readonly PropertyKey[]): string {
  return place
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

function leadsTo(outer: readonly PropertyKey[], inner: readonly PropertyKey[]): boolean {
  return outer.every((key, index) => inner[index] === key)
}

function inFileOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...problems].sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
