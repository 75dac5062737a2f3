/**
 * The parity run: the same requests in the same order to each side, and everything that each side
 * then shows held against one model and against the first side.
 *
 *   side:  setup ─ start ─ send ─ wait until both tables are right
 *          ─ rejected ─ verify ─ tables.py ─ stop
 */
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HardRequest, Item } from '../interop/hard-input.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { checkTablesWith } from '../support/readers.ts'
import { checkUntilRight } from './check-side.ts'
import { FUTURE_ITEMS, makeRequests, type ParityInput } from './input.ts'
import { type Model, openModel } from './model.ts'
import { compareRejected, listRejected, reasonsAndBytes } from './rejected-list.ts'
import { sendRequests } from './send-requests.ts'
import type { Side } from './side.ts'

/** What was made once and is sent to every side. */
export type Prepared = Readonly<{
  input: ParityInput
  requests: readonly HardRequest[]
  model: Model
  /** The same events, one a line, for tables.py. */
  inputPath: string
}>

export type SideReport = Readonly<{
  name: string
  rawRows: number
  metricsRows: number
  rejected: readonly string[]
  sendSeconds: number
  settleSeconds: number
}>

const SETUP_LIMIT_MS = 180_000
const VERIFY_LIMIT_MS = 300_000
const SAY_EVERY = 100_000

export async function prepareInput(input: ParityInput, folder: string): Promise<Prepared> {
  const inputPath = join(folder, 'input.ndjson')
  await writeFile(inputPath, '')
  const model = openModel()
  const requests: HardRequest[] = []
  let lines: Item[] = []
  const flush = async (): Promise<void> => {
    const newline = Buffer.from('\n')
    await appendFile(inputPath, Buffer.concat(lines.flatMap(({ bytes }) => [bytes, newline])))
    lines = []
  }
  for (const request of makeRequests(input)) {
    model.add(request.items)
    requests.push(request)
    lines.push(...request.items.filter((item) => !FUTURE_ITEMS.includes(item)))
    if (lines.length >= 20_000) await flush()
  }
  await flush()
  return { input, requests, model, inputPath }
}

/** Takes one side through the whole input; throws with what differs. */
export async function runSide(
  side: Side,
  prepared: Prepared,
  say: (text: string) => void,
): Promise<SideReport> {
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    return await sendAndCheck(side, product, prepared, say)
  } finally {
    await product.stop()
  }
}

export async function setUp(side: Side): Promise<void> {
  if (!side.needsSetup) return
  const options = { environment: side.environment, limitMs: SETUP_LIMIT_MS }
  const run = await runCommand(side.folder, ['setup'], options)
  if (run.exit.code !== 0) throw new Error(`setup failed:\n${run.stdout}${run.stderr}`)
}

async function sendAndCheck(
  side: Side,
  product: Product,
  { requests, model, inputPath }: Prepared,
  say: (text: string) => void,
): Promise<SideReport> {
  const begun = performance.now()
  const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10
  let events = 0
  await sendRequests(product.url, requests, (sent) => {
    const before = events
    events += sent
    if (Math.floor(before / SAY_EVERY) < Math.floor(events / SAY_EVERY)) {
      say(`${side.name}: ${events} events sent in ${seconds(begun)} s`)
    }
  })
  const sendSeconds = seconds(begun)
  const sentAt = performance.now()
  const { rawRows, metricsRows } = await checkUntilRight(side, model)
  const settleSeconds = seconds(sentAt)
  say(
    `${side.name}: ${rawRows} raw rows and ${metricsRows} metrics rows right after ` +
      `${settleSeconds} s`,
  )

  const listed = await listRejected(side)
  const problems = compareRejected(listed, model)
  if (problems.length > 0) throw new Error(`${side.name}: ${problems.join('\n')}`)
  await expectVerified(side)
  const summary = await checkTablesWith(side.folder, side.readerWords, [inputPath])
  if (summary.rawRows !== model.events.size || summary.duplicates !== model.duplicates()) {
    throw new Error(`${side.name}: tables.py counts otherwise: ${JSON.stringify(summary)}`)
  }
  say(`${side.name}: ${listed.length} rejected events, verify and tables.py are right`)
  const rejected = reasonsAndBytes(listed)
  return { name: side.name, rawRows, metricsRows, rejected, sendSeconds, settleSeconds }
}

export async function expectVerified(side: Side): Promise<void> {
  const options = { environment: side.environment, limitMs: VERIFY_LIMIT_MS }
  const verify = await runCommand(side.folder, ['verify', '--json'], options)
  if (verify.exit.code === 0) return
  const code = verify.exit.code ?? verify.exit.signal
  throw new Error(`${side.name}: verify ended with ${code}:\n${verify.stdout}${verify.stderr}`)
}

/** The first rejected events that one side lists and the other does not, in words. */
export function rejectedOtherwise(one: SideReport, other: SideReport): readonly string[] {
  const waiting = new Map<string, number>()
  for (const line of one.rejected) waiting.set(line, (waiting.get(line) ?? 0) + 1)
  const only: string[] = []
  for (const line of other.rejected) {
    const left = waiting.get(line) ?? 0
    if (left === 0) only.push(`only ${other.name}: ${line}`)
    else waiting.set(line, left - 1)
  }
  for (const [line, left] of waiting) if (left > 0) only.push(`only ${one.name}: ${line}`)
  return only.slice(0, 20)
}
