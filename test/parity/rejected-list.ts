/**
 * The rejected events as `campaign-metrics rejected` lists them, and what is wrong with that list.
 */
import { runCommand } from '../support/product.ts'
import type { Model } from './model.ts'
import { isBlamed } from './send-requests.ts'
import type { Side } from './side.ts'

export type RejectedEvent = Readonly<{
  reason: string
  explanation: string
  offset: unknown
  source: string
  bytes: Buffer
}>

type Listed = Omit<RejectedEvent, 'bytes'> & Readonly<{ event?: string; base64?: string }>

const LIST_LIMIT_MS = 120_000
const LIST_CHARACTERS_MAX = 2 ** 28
const EXAMPLES_MAX = 20
const SHOWN_CHARACTERS = 200

export async function listRejected(side: Side): Promise<readonly RejectedEvent[]> {
  const options = {
    environment: side.environment,
    limitMs: LIST_LIMIT_MS,
    outputCharactersMax: LIST_CHARACTERS_MAX,
  }
  const run = await runCommand(side.folder, ['rejected', '--json', '--all'], options)
  if (run.exit.code !== 0) throw new Error(`rejected failed:\n${run.stdout}${run.stderr}`)
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { event, base64, ...listed } = JSON.parse(line) as Listed
      const bytes =
        base64 === undefined ? Buffer.from(event ?? '', 'utf8') : Buffer.from(base64, 'base64')
      return { ...listed, bytes }
    })
}

/**
 * Empty when exactly the events that the model rejects are listed, byte for byte, each for a reason
 * that fits.
 */
export function compareRejected(listed: readonly RejectedEvent[], model: Model): readonly string[] {
  const waiting = new Map<string, string[]>()
  for (const { bytes, blame } of model.rejected) {
    const key = bytes.toString('latin1')
    waiting.set(key, [...(waiting.get(key) ?? []), blame])
  }
  const problems: string[] = []
  for (const { bytes, explanation } of listed) {
    const blames = waiting.get(bytes.toString('latin1'))
    const blame = blames?.pop()
    const shown = `${explanation} ${bytes.toString('utf8').slice(0, SHOWN_CHARACTERS)}`
    if (blame === undefined) problems.push(`rejected too many: ${shown}`)
    else if (!isBlamed(explanation, blame)) problems.push(`rejected, but for ${blame}: ${shown}`)
  }
  for (const [bytes, blames] of waiting) {
    for (const blame of blames) {
      problems.push(`rejected missing: ${blame} ${bytes.slice(0, SHOWN_CHARACTERS)}`)
    }
  }
  return problems.slice(0, EXAMPLES_MAX)
}

/** One line for each rejected event, sorted, so that the lists of two sides can be compared. */
export function reasonsAndBytes(listed: readonly RejectedEvent[]): readonly string[] {
  return listed.map(({ reason, bytes }) => `${reason} ${bytes.toString('base64')}`).sort()
}
