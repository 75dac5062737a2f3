/**
 * Follows the file of `campaignNames`: it is read when it has changed, also when another file is
 * renamed over it. It is polled, because file systems of networks and containers report no changes.
 * What cannot be used is reported, and the last good names stay.
 *
 *     look ──► as before ──────────────────────────────► nothing
 *          └─► changed ──► the same at the next look ──► read ──► names, or a fault
 */
import { open, stat } from 'node:fs/promises'
import { reasonOf, systemCode } from '../../runtime.ts'
import {
  NAMES_BYTES_MAX,
  type Names,
  type NamesOrFault,
  parseNames,
  tooLargeText,
} from './names-file.ts'

export type NamesWatch = Readonly<{
  /** To be called about once a second. Never rejects. */
  look(): Promise<void>
}>

type NamesWatchParts = Readonly<{
  path: string
  onNames: (names: Names) => void
  /** One sentence when the file cannot be used; null when it can again. */
  onProblem: (problem: string | null) => void
}>

/** What tells one state of the file from another; or why it cannot be read. */
type Stamp = Readonly<{ text: string; fault: string | null }>

export function openNamesWatch({ path, onNames, onProblem }: NamesWatchParts): NamesWatch {
  let hasLooked = false
  let seen = ''
  let read = ''
  let problem: string | null = null
  let hasNames = false
  let isLooking = false

  async function look(): Promise<void> {
    const stamp = await stampOf(path)
    // While a program still writes the file, a part of it could pass for the whole.
    const isSettled = !hasLooked || stamp.text === seen
    hasLooked = true
    seen = stamp.text
    if (stamp.text === read || !isSettled) return
    const found = stamp.fault === null ? await readFile(path) : { fault: stamp.fault }
    if ((await stampOf(path)).text !== stamp.text) return
    read = stamp.text
    take(found)
  }

  function take(found: NamesOrFault): void {
    if ('names' in found) {
      hasNames = true
      onNames(found.names)
    }
    const told = 'names' in found ? null : problemText(path, found.fault, hasNames)
    if (told !== problem) onProblem(told)
    problem = told
  }

  return {
    async look(): Promise<void> {
      if (isLooking) return
      isLooking = true
      await look().finally(() => {
        isLooking = false
      })
    },
  }
}

/** The same without a watch, for a process that does not show names: null if nothing is wrong. */
export async function namesProblem(path: string): Promise<string | null> {
  const { fault } = await stampOf(path)
  const found = fault === null ? await readFile(path) : { fault }
  return 'names' in found ? null : problemText(path, found.fault, false)
}

function problemText(path: string, fault: string, hasNames: boolean): string {
  const meanwhile = hasNames
    ? 'until then the names read before are shown'
    : 'until then campaigns are shown by their ids'
  return `campaign names: ${path} cannot be used: ${fault}; ${meanwhile}`
}

async function stampOf(path: string): Promise<Stamp> {
  try {
    const found = await stat(path, { bigint: true })
    const { ino, size, mtimeNs, ctimeNs } = found
    const text = [ino, size, mtimeNs, ctimeNs].join(' ')
    if (!found.isFile()) return { text, fault: 'it is not a file' }
    return { text, fault: size > NAMES_BYTES_MAX ? tooLargeText(Number(size)) : null }
  } catch (error) {
    const fault = systemCode(error) === 'ENOENT' ? 'there is no such file' : reasonOf(error)
    return { text: fault, fault }
  }
}

/** Not more than may be used, whatever has happened to the file since it was looked at. */
async function readFile(path: string): Promise<NamesOrFault> {
  try {
    await using file = await open(path)
    const bytes = Buffer.alloc(NAMES_BYTES_MAX + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0) return await parseNames(bytes.subarray(0, length))
    }
  } catch (error) {
    return { fault: reasonOf(error) }
  }
}
