/** What can go wrong in the engine apart from bad events, which are values. */
import { type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

type EngineErrorCode = 'not-built' | 'memory' | 'batch-full' | 'id-set-too-small'

const KINDS: ErrorKinds<EngineErrorCode> = {
  'not-built': {
    canRetry: false,
    message: (f) =>
      `the engine is not built: its WebAssembly module ${f.file} is missing; run \`npm ci\` ` +
      '(or `npm run build:engine`)',
  },
  /** The instance is lost. */
  memory: {
    canRetry: false,
    message: (f) =>
      `the engine ran out of memory (${f.work}); commit smaller batches, or lower ` +
      'dedupe.memoryMax, and start again',
  },
  /** Goes on once the batch is taken. */
  'batch-full': {
    canRetry: true,
    message: (f) =>
      `the row batch is full (rows: ${f.rows}, rawBytes: ${f.rawBytes}); take it before adding ` +
      'more',
  },
  'id-set-too-small': {
    canRetry: false,
    message: (f) => `a set of ids needs at least 64 KiB (bytesMax: ${f.bytesMax})`,
  },
}

export class EngineError extends RoomError<EngineErrorCode> {
  override readonly name = 'EngineError'

  constructor(code: EngineErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}
