/** What can go wrong in the engine apart from bad events, which are values. */

const TEXTS = {
  'not-built':
    'the engine is not built: its WebAssembly module is missing; run `npm ci` (or `npm run build:engine`)',
  memory:
    'the engine ran out of memory; commit smaller batches, or lower dedupe.memoryMax, and start again',
  'batch-full': 'the row batch is full; take it before adding more',
  'id-set-too-small': 'a set of ids needs at least 64 KiB',
} as const

export type EngineErrorCode = keyof typeof TEXTS

export class EngineError extends Error {
  readonly code: EngineErrorCode
  readonly facts: Readonly<Record<string, string | number>>
  /** Only a full batch goes on, once it is taken; after `memory` the instance is lost. */
  readonly canRetry: boolean

  constructor(
    code: EngineErrorCode,
    facts: Readonly<Record<string, string | number>>,
    cause?: unknown,
  ) {
    const told = Object.entries(facts).map(([name, value]) => `${name}: ${value}`)
    super(`${TEXTS[code]} (${told.join(', ')})`, { cause })
    this.name = 'EngineError'
    this.code = code
    this.facts = facts
    this.canRetry = code === 'batch-full'
  }
}
