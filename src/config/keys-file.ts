/**
 * The file of `keys.file`: keys that `campaign-metrics setup` made, so that a collector which others can reach is never
 * without any. YAML, with the lists `write` and `read`; readable by its owner only.
 */

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Config } from './config.ts'
import { ConfigError } from './error.ts'
import { Refusal } from './field.ts'
import { readKeys } from './readers.ts'
import type { Settings } from './schema.ts'

export type GeneratedKeys = Readonly<{ write: readonly string[]; read: readonly string[] }>

const OWNER_ONLY = 0o600

/** The keys of the configuration and those of the file, as far as it exists. Throws `ConfigError` where it is no such file. */
export function keysOf({ keys }: Settings, absolute: (path: string) => string): Config['keys'] {
  if (keys.file === '') return { ...keys, file: null }
  const file = absolute(keys.file)
  const more = readKeysFile(file)
  return {
    write: [...keys.write, ...(more?.write ?? [])],
    read: [...keys.read, ...(more?.read ?? [])],
    file,
  }
}

/** Fails where the file exists: keys that somebody uses are not replaced. */
export function writeKeysFile(file: string, { write, read }: GeneratedKeys): void {
  writeFileSync(file, `write: [${write.join(', ')}]\nread: [${read.join(', ')}]\n`, {
    flag: 'wx',
    mode: OWNER_ONLY,
  })
  // The mode above is narrowed by the process's umask only; a folder's default rights may widen it.
  chmodSync(file, OWNER_ONLY)
}

/** Null when there is no such file. */
function readKeysFile(file: string): GeneratedKeys | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unusable(file, `cannot be read: ${(cause as Error).message}`, cause)
  }
  let content: unknown
  try {
    content = parse(text)
  } catch (cause) {
    throw unusable(file, 'is not YAML', cause)
  }
  const { write, read } = (content ?? {}) as Record<string, unknown>
  const [writeKeys, readingKeys] = [readKeys(write ?? []), readKeys(read ?? [])]
  if (writeKeys instanceof Refusal) throw unusable(file, `write: ${writeKeys.reason}`)
  if (readingKeys instanceof Refusal) throw unusable(file, `read: ${readingKeys.reason}`)
  return { write: writeKeys, read: readingKeys }
}

function unusable(file: string, reason: string, cause?: unknown): ConfigError {
  const problem = {
    path: '',
    line: null,
    reason: `${reason}; remove it to have \`setup\` make one`,
  }
  return new ConfigError('invalid', file, [problem], cause)
}
