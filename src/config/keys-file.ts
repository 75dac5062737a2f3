/**
 * The file of `keys.file`: keys that `campaign-metrics setup` made, so that a collector that is
 * reachable from outside always has some. YAML, with the lists `write`, `read`, `tables` and
 * `page`; readable by its owner only.
 */

import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { reasonOf, systemCode } from '../runtime.ts'
import type { Config } from './config.ts'
import { ConfigError } from './error.ts'
import { Refusal } from './field.ts'
import { readKeys } from './readers.ts'
import type { Settings } from './schema.ts'
import { readYaml } from './yaml-text.ts'

type GeneratedKeys = Readonly<{ write: readonly string[]; read: readonly string[] }>
type KeyLists = GeneratedKeys & Readonly<{ tables: readonly string[]; page: readonly string[] }>

const OWNER_ONLY = 0o600
/** More than a hundred keys of each kind. */
const FILE_BYTES_MAX = 256 * 1024

/**
 * The keys of the configuration and those of the file, as far as it exists. Throws `ConfigError`
 * where it is no such file.
 */
export function keysOf({ keys }: Settings, absolute: (path: string) => string): Config['keys'] {
  if (keys.file === '') return { ...keys, file: null }
  const file = absolute(keys.file)
  const more = readKeysFile(file)
  return {
    write: [...keys.write, ...(more?.write ?? [])],
    read: [...keys.read, ...(more?.read ?? [])],
    tables: [...keys.tables, ...(more?.tables ?? [])],
    page: [...keys.page, ...(more?.page ?? [])],
    file,
  }
}

/**
 * Which keys a collector with a file of keys lacks, and what to do; null when it has both kinds, or
 * needs none.
 */
export function missingKeys({ file, write, read }: Config['keys']): string | null {
  if (file === null || (write.length > 0 && read.length > 0)) return null
  if (!existsSync(file))
    return `${file} does not exist: run \`campaign-metrics setup\`, which makes it`
  const kind = write.length === 0 ? 'write' : 'read'
  return (
    `there is no ${kind} key in ${file} or under \`keys\`: add one; or move the file away and ` +
    'run `campaign-metrics setup`, which makes one with both'
  )
}

/** Fails when the file exists: keys in use are not replaced. */
export function writeKeysFile(file: string, { write, read }: GeneratedKeys): void {
  writeFileSync(file, `write: [${write.join(', ')}]\nread: [${read.join(', ')}]\n`, {
    flag: 'wx',
    mode: OWNER_ONLY,
  })
  // The mode above is narrowed by the process's umask only; a folder's default rights may widen it.
  chmodSync(file, OWNER_ONLY)
}

/** Null when there is no such file. Another program's file is not taken for one without keys. */
function readKeysFile(file: string): KeyLists | null {
  const text = readText(file)
  if (text === null) return null
  const yaml = readYaml(text)
  const value = 'faults' in yaml ? null : yaml.value
  if (typeof value !== 'object' || value === null || !isKeysFile(value)) {
    throw unusable(file, 'is not a file of keys (`write: [KEY]`, `read: [KEY]`)')
  }
  const { write = [], read = [], tables = [], page = [] } = value as Record<string, unknown>
  const [writeKeys, readingKeys, tableKeys] = [readKeys(write), readKeys(read), readKeys(tables)]
  const pageKeys = readKeys(page)
  if (writeKeys instanceof Refusal) throw unusable(file, `write: ${writeKeys.reason}`)
  if (readingKeys instanceof Refusal) throw unusable(file, `read: ${readingKeys.reason}`)
  if (tableKeys instanceof Refusal) throw unusable(file, `tables: ${tableKeys.reason}`)
  if (pageKeys instanceof Refusal) throw unusable(file, `page: ${pageKeys.reason}`)
  const keys = { write: writeKeys, read: readingKeys, tables: tableKeys, page: pageKeys }
  if (Object.values(keys).flat().length === 0) throw unusable(file, 'holds no key')
  return keys
}

const LISTS: readonly string[] = ['write', 'read', 'tables', 'page'] satisfies (keyof KeyLists)[]

function isKeysFile(value: object): boolean {
  const names = Object.keys(value)
  return names.length > 0 && names.every((name) => LISTS.includes(name))
}

/** Null when there is no such file. */
function readText(file: string): string | null {
  try {
    const found = statSync(file)
    if (found.size <= FILE_BYTES_MAX) return readFileSync(file, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return null
    throw unusable(file, `cannot be read: ${reasonOf(cause)}`, cause)
  }
  throw unusable(file, `is not a file of keys: it has more than ${FILE_BYTES_MAX} bytes`)
}

function unusable(file: string, reason: string, cause?: unknown): ConfigError {
  const problem = {
    path: '',
    line: null,
    reason:
      `${reason}. \`keys.file\` names it: name another file, or move it away to have ` +
      '`setup` make one',
  }
  return new ConfigError('invalid', file, [problem], cause)
}
