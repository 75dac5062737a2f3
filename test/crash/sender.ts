/**
 * A client that never gives up: it sends one body after the other and repeats each until it is
 * answered, across any number of deaths of the product. What it got an answer for must be in the
 * tables once; what it did not, it sends again.
 *
 * While the product's clock is wrong, good events may be rejected for their date. A request with
 * one of these is sent again as a whole until the clock is right: whether an attempt without an
 * answer was taken under another clock, nobody knows.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openHardInput } from '../interop/hard-input.ts'
import { type Accepted, get, openAgent, post } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { openRandom } from '../support/random.ts'
import type { InputFile } from '../support/readers.ts'

/**
 * Where the product listens at the moment (null while it is down), and whether its log is to be
 * filled.
 */
export type Address = { url: string | null; fill: boolean }

export type Sender = Readonly<{
  /** Sends no further body; resolves once the last one is answered. */
  finish(): Promise<Sent>
}>

type Counts = {
  requests: number
  events: number
  rejected: number
  /** Requests whose first attempt got no answer: the dangerous ones. */
  repeated: number
}
export type Sent = Readonly<Counts>

const EVENTS_MAX = 50
/** Bodies of 15 MB, which bring the log to its next segment in a second. */
const FILL_EVENTS = 500
/**
 * So a clock that is a few days behind rejects nothing, and one that is a month behind everything.
 */
const DATED_BEFORE_MS = 10 * 24 * 3_600_000
const FILL_PADDING = `,"x":"${'x'.repeat(30_000)}"}`
const PAUSE_MS = 25
const RETRY_MS = 10
const MISJUDGED = /^timestamp: (its day is no longer kept|more than 5 minutes after the arrival)/
/** Each attempt leaves its events under rejected/. */
const MISJUDGED_PAUSE_MS = 200

/** Ids of one sender are never another's, so the order in the input file decides which one wins. */
export function startSender(
  options: Readonly<{ name: string; seed: number; address: Address; input: InputFile }>,
): Sender {
  const random = openRandom(options.seed)
  const hard = openHardInput(random, Date.now() - DATED_BEFORE_MS, options.name)
  return startSending(async (agent, sent) => {
    const items = Array.from({ length: 1 + random.below(EVENTS_MAX) }, () => hard.makeItem())
    const request = hard.makeRequest(items)
    const isGood = (at: number): boolean => items[at]?.blame === null
    const { attempts, answer } = await sendUntilTaken(options.address, request, agent, isGood)
    if (answer.accepted + answer.rejected.length !== items.length) {
      throw new Error(`${items.length} events were sent, but: ${JSON.stringify(answer)}`)
    }
    await options.input.add(items.map((item) => item.bytes))
    sent.requests += 1
    sent.events += items.length
    sent.rejected += answer.rejected.length
    if (attempts > 1) sent.repeated += 1
    return random.below(PAUSE_MS * 2)
  })
}

/** Sends large bodies as long as the log is to be filled; what it adds is padding, not content. */
export function startFiller(options: Readonly<{ address: Address; input: InputFile }>): Sender {
  return startSending(async (agent, sent) => {
    if (!options.address.fill) return PAUSE_MS
    const lines = eventLines(`fill-${sent.requests}`, FILL_EVENTS)
    const padded = lines.map((line) => line.replace(/}$/, FILL_PADDING))
    await sendUntilTaken(options.address, plainRequest(padded), agent, () => true)
    await options.input.add(lines)
    sent.requests += 1
    sent.events += FILL_EVENTS
    return PAUSE_MS
  })
}

/**
 * Sends events of the true time, each of its own id: the first to be rejected where the product's
 * clock is wrong.
 */
export function startCurrentSender(
  options: Readonly<{ seed: number; address: Address; input: InputFile }>,
): Sender {
  const random = openRandom(options.seed)
  return startSending(async (agent, sent) => {
    const lines = eventLines(`now-${sent.requests}`, 1 + random.below(EVENTS_MAX))
    const request = plainRequest(lines)
    const { attempts } = await sendUntilTaken(options.address, request, agent, () => true)
    await options.input.add(lines)
    sent.requests += 1
    sent.events += lines.length
    if (attempts > 1) sent.repeated += 1
    return random.below(PAUSE_MS * 2)
  })
}

const PAGE_KEY = 'page-key-0123456789'
const SHOP = 'https://shop.example/sale'

/** What the product is configured with, so that it can be sent events in addresses. */
export const PAGE_SETTINGS: Readonly<Record<string, unknown>> = {
  keys: { page: [PAGE_KEY] },
  page: { keyRate: 0, addressRate: 0 },
  redirects: [new URL(SHOP).origin],
}

/**
 * Asks for pixels and follows click links in turn, each until the answer says that the event is
 * durable: by the status of the pixel, and by a header of the click link, which is a redirect
 * whatever became of the click. The events are of the true time.
 */
export function startAddressSender(
  options: Readonly<{ seed: number; address: Address; input: InputFile }>,
): Sender {
  const random = openRandom(options.seed)
  return startSending(async (_agent, sent) => {
    const isClick = sent.requests % 2 === 1
    const event_type = isClick ? 'click' : 'impression'
    const lines = eventLines(`address-${sent.requests}`, 1, { event_type })
    const query = new URLSearchParams({ key: PAGE_KEY, ...JSON.parse(lines[0] ?? '') })
    if (isClick) query.set('to', SHOP)
    const path = `${isClick ? '/v1/click' : '/v1/pixel.gif'}?${query}`
    const attempts = await askUntilStored(options.address, path, isClick)
    await options.input.add(lines)
    sent.requests += 1
    sent.events += 1
    if (attempts > 1) sent.repeated += 1
    return random.below(PAUSE_MS * 2)
  })
}

async function askUntilStored(address: Address, path: string, isClick: boolean): Promise<number> {
  for (let attempts = 1; ; attempts += 1) {
    const { url } = address
    const answer = url === null ? null : await get(url, path).catch(() => null)
    if (answer === null) {
      await sleep(RETRY_MS)
      continue
    }
    const { status, headers } = answer
    if (isClick && headers.location !== SHOP) {
      throw new Error(`a shopper is stranded: ${status} ${answer.text}`)
    }
    if (isClick ? headers['x-click-stored'] === 'yes' : status === 200) return attempts
    // 400: the clock is wrong. Each such attempt leaves its event under rejected/.
    if (![302, 400, 429, 503].includes(status)) throw new Error(`unexpected answer ${status}`)
    await sleep(MISJUDGED_PAUSE_MS)
  }
}

type Agent = ReturnType<typeof openAgent>

/** One request after the other; `send` returns how long to pause before the next one. */
function startSending(send: (agent: Agent, sent: Counts) => Promise<number>): Sender {
  const agent = openAgent()
  const sent: Counts = { requests: 0, events: 0, rejected: 0, repeated: 0 }
  let isFinishing = false
  const done = (async (): Promise<void> => {
    while (!isFinishing) await sleep(await send(agent, sent))
    agent.destroy()
  })()
  // A failure is reported by finish(); until then it must not end the test run by itself.
  done.catch(() => {})
  return {
    finish: async () => {
      isFinishing = true
      await done
      return sent
    },
  }
}

function plainRequest(lines: readonly string[]): Request {
  return { body: Buffer.from(lines.join('\n')), type: 'application/x-ndjson', encoding: undefined }
}

type Request = Readonly<{ body: Uint8Array; type: string; encoding: string | undefined }>

/** `isGood`: whether the event at this index may only be rejected for its date. */
async function sendUntilTaken(
  address: Address,
  request: Request,
  agent: Agent,
  isGood: (index: number) => boolean,
): Promise<Readonly<{ attempts: number; answer: Accepted }>> {
  const { body, type, encoding } = request
  const options = { type, agent, ...(encoding === undefined ? {} : { encoding }) }
  for (let attempts = 1; ; attempts += 1) {
    const { url } = address
    const answer = url === null ? null : await post(url, body, options).catch(() => null)
    if (answer?.status === 200) {
      const accepted = JSON.parse(answer.text) as Accepted
      const misjudged = accepted.rejected.find(({ index }) => isGood(index))
      if (misjudged === undefined) return { attempts, answer: accepted }
      if (!MISJUDGED.test(misjudged.reason)) throw new Error(`a good event: ${misjudged.reason}`)
      await sleep(MISJUDGED_PAUSE_MS)
    } else if (answer !== null && answer.status !== 429 && answer.status !== 503) {
      throw new Error(`unexpected answer ${answer.status}: ${answer.text}`)
    }
    await sleep(RETRY_MS)
  }
}
