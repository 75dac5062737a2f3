/** Runs the reference parser and the engine over one body, and tells the first difference. */
import assert from 'node:assert/strict'
import {
  BODY_FAULTS,
  FORM_CODES,
  instantiate,
  loadModule,
  type ParserExports,
  type WasmGlobal,
} from '../../src/engine/wasm.ts'
import type { Inspector } from '../../src/engine.ts'
import {
  type BodyForm,
  EVENT_TYPES,
  type Event,
  KEEPS_ALL_US,
  parseEvent,
  REJECTION_REASONS,
  type RejectionReason,
  revenueMillionths,
  splitBody,
  type Unsplittable,
} from '../../src/event.ts'

/** One event of a body as either parser sees it. */
export type Outcome = Readonly<{
  start: number
  end: number
  verdict: RejectionReason | (Event & { millionths: bigint })
}>

export type BodyOutcome = readonly Outcome[] | Unsplittable

export type EngineUnderTest = {
  parse(body: Uint8Array, form: BodyForm, arrivalUs: number, keptFromUs?: number): BodyOutcome
  /** Bytes of linear memory. */
  memoryBytes(): number
}

type RowGlobals = Readonly<
  Record<
    'TYPE' | 'TIMESTAMP' | 'REVENUE' | 'MILLIONTHS' | 'STRING_ADDRESS' | 'STRING_LENGTH',
    WasmGlobal
  >
>
type Exports = ParserExports & RowGlobals

export async function openEngine(bodyBytesMax: number = 1 << 22): Promise<EngineUnderTest> {
  const engine = instantiate<Exports>(await loadModule('engine'))
  assert.notEqual(engine.openInput(bodyBytesMax), 0)
  return {
    parse: (body, form, arrivalUs, keptFromUs = KEEPS_ALL_US) =>
      parseWithEngine(engine, body, form, arrivalUs, keptFromUs),
    memoryBytes: () => engine.memory.buffer.byteLength,
  }
}

function parseWithEngine(
  engine: Exports,
  body: Uint8Array,
  form: BodyForm,
  arrivalUs: number,
  keptFromUs: number,
): BodyOutcome {
  new Uint8Array(engine.memory.buffer).set(body, engine.inputAddress())
  engine.beginBody(body.length, FORM_CODES[form], 0)
  const outcomes: Outcome[] = []
  for (;;) {
    const rows = engine.parseBlock(arrivalUs, keptFromUs)
    let rejected = 0
    for (let row = 0; row < rows; row++) {
      const outcome = readRow(engine, row)
      if (typeof outcome.verdict === 'string') rejected++
      outcomes.push(outcome)
    }
    assert.equal(engine.rejectedRows(), rejected)
    if (rows < engine.BLOCK_ROWS.value) break
  }
  const unsplittable = BODY_FAULTS[engine.bodyFault()] ?? null
  return unsplittable === null ? outcomes : { unsplittable }
}

function readRow(engine: Exports, row: number): Outcome {
  const view = new DataView(engine.memory.buffer)
  const start = view.getUint32(engine.START.value + row * 4, true)
  const end = view.getUint32(engine.END.value + row * 4, true)
  const code = view.getUint8(engine.VERDICT.value + row)
  if (code !== 0) {
    const reason = REJECTION_REASONS[code - 1]?.code
    assert.ok(reason, `unknown verdict ${code}`)
    return { start, end, verdict: reason }
  }
  const [eventId, userId, campaignId, platform, country, deviceType] = [0, 1, 2, 3, 4, 5].map(
    (field) => readString(engine, view, row, field),
  )
  const eventType = EVENT_TYPES[view.getUint8(engine.TYPE.value + row)]
  assert.ok(typeof eventId === 'string' && typeof userId === 'string' && eventType !== undefined)
  assert.ok(typeof campaignId === 'string')
  assert.ok(platform !== undefined && country !== undefined && deviceType !== undefined)
  const verdict = {
    ...{ eventId, userId, campaignId, eventType },
    timestampUs: Number(view.getBigInt64(engine.TIMESTAMP.value + row * 8, true)),
    revenue: view.getFloat64(engine.REVENUE.value + row * 8, true),
    ...{ platform, country, deviceType },
    millionths: view.getBigInt64(engine.MILLIONTHS.value + row * 8, true),
  }
  return { start, end, verdict }
}

function readString(engine: Exports, view: DataView, row: number, field: number): string | null {
  const at = (field * engine.BLOCK_ROWS.value + row) * 4
  const address = view.getUint32(engine.STRING_ADDRESS.value + at, true)
  const length = view.getUint32(engine.STRING_LENGTH.value + at, true)
  if (length === 0xffffffff) return null
  const bytes = new Uint8Array(engine.memory.buffer, address, length)
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

export function parsePlainly(
  body: Uint8Array,
  form: BodyForm,
  arrivalUs: number,
  keptFromUs: number = KEEPS_ALL_US,
): BodyOutcome {
  const spans = splitBody(body, form)
  if ('unsplittable' in spans) return spans
  return spans.map(({ start, end }) => {
    const event = parseEvent(body.subarray(start, end), arrivalUs, keptFromUs)
    if ('reason' in event) return { start, end, verdict: event.reason }
    return { start, end, verdict: { ...event, millionths: revenueMillionths(event.revenue) } }
  })
}

/** Both must agree in every verdict, every value (-0 is not 0) and every byte range. */
export function assertSame(
  engine: EngineUnderTest,
  body: Uint8Array,
  form: BodyForm,
  arrivalUs: number,
  keptFromUs: number = KEEPS_ALL_US,
): BodyOutcome {
  const plain = parsePlainly(body, form, arrivalUs, keptFromUs)
  const quick = engine.parse(body, form, arrivalUs, keptFromUs)
  assert.deepStrictEqual(quick, plain)
  return plain
}

/** The inspector's answer must be what follows from the reference parser's. */
export function assertSameInspection(
  inspector: Inspector,
  chunks: readonly Uint8Array[],
  form: BodyForm,
  arrivalUs: number,
): void {
  const quick = inspector.inspect(chunks, form, arrivalUs)
  const plain = inspectPlainly(Buffer.concat(chunks), form, arrivalUs)
  const shown =
    'unsplittable' in quick
      ? quick
      : { ...quick, lines: Buffer.concat(quick.lines).toString('latin1') }
  assert.deepEqual(shown, plain)
}

function inspectPlainly(body: Buffer, form: BodyForm, arrivalUs: number): unknown {
  const outcomes = parsePlainly(body, form, arrivalUs)
  if ('unsplittable' in outcomes) return outcomes
  const rejected = []
  let lines = ''
  for (const [index, { start, end, verdict }] of outcomes.entries()) {
    if (typeof verdict === 'string') rejected.push({ index, reason: verdict, start, end })
    else lines += `${body.toString('latin1', start, end).replaceAll(/[\r\n]/g, ' ')}\n`
  }
  return { count: outcomes.length, rejected, lines }
}
