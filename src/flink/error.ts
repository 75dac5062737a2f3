/**
 * What can go wrong between this program and Flink. Each message says what failed, where, and what
 * to do.
 */
import { type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type FlinkErrorCode =
  /** Nothing answers at the address, or not in time. */
  | 'unreachable'
  /** The gateway refused a statement. */
  | 'statement'
  /** Flink answered a request with an error. */
  | 'refused'
  /** An answer that is not what Flink's REST interface writes. */
  | 'answer'
  /** The note of the newest checkpoint cannot be read. */
  | 'no-checkpoint'
  /** The job that is wanted cannot take over what there is. */
  | 'state'
  /** The job ended, or never ran, in the time allowed. */
  | 'job'
  /** The cluster has fewer slots, or fewer free ones, than the job has parallel tasks. */
  | 'slots'
  /** Files of rejected events that are not what the job writes. */
  | 'rejected-file'
  /** The tables were filled from another log (F11). */
  | 'other-log'
  /** The log has lost its end (F11). */
  | 'log-too-short'

const NEW_TABLES =
  'Restore the topic; or, if it is lost for good, leave these tables as they are and fill new ' +
  'ones: name another warehouse and another catalog database in the configuration, and run ' +
  '`campaign-metrics setup`'

const KINDS: ErrorKinds<FlinkErrorCode> = {
  unreachable: {
    canRetry: true,
    message: (f) =>
      `Flink does not answer at ${f.url}: ${f.why}. ` +
      'Check that it runs and that the address under "flink" in the configuration is right.',
  },
  statement: {
    canRetry: false,
    message: (f) =>
      `Flink's SQL Gateway at ${f.url} refused "${f.statement}": ${f.why}. ` +
      `${adviceFor(String(f.why))}`,
  },
  refused: {
    canRetry: true,
    message: (f) => `Flink refused ${f.method} ${f.url} (HTTP ${f.status}): ${f.why}`,
  },
  answer: {
    canRetry: false,
    message: (f) => `${f.fault}; is this Flink, and a supported version of it?`,
  },
  'no-checkpoint': {
    canRetry: false,
    message: (f) =>
      `${f.path} is not what this program writes. It notes Flink's newest checkpoint; ` +
      'remove it to go on from the one that the tables tell.',
  },
  state: { canRetry: false, message: (f) => String(f.why) },
  job: { canRetry: true, message: (f) => `The Flink job ${f.job} ${f.fault}` },
  slots: {
    canRetry: true,
    message: (f) =>
      `The Flink cluster has ${f.slots} task slots, ${slotsHeld(f)}and flink.parallelism is ` +
      `${f.parallelism}: start more task managers, raise taskmanager.numberOfTaskSlots, or set ` +
      'flink.parallelism lower. The job that runs, if any, is left as it is.',
  },
  'rejected-file': {
    canRetry: false,
    message: (f) =>
      `Line ${f.line} of ${f.path} is not what the Flink job writes. It holds rejected records; ` +
      'correct the line, or move the file out of the folder to leave them out.',
  },
  'other-log': {
    canRetry: false,
    message: (f) =>
      `the tables were filled from the log ${f.tables}, but the topic ${f.topic} is another one ` +
      `now, ${f.log}: it was deleted and made anew, or it is on another cluster. ${NEW_TABLES}`,
  },
  'log-too-short': {
    canRetry: false,
    message: (f) =>
      `the tables hold every event before offset ${f.committed} of partition ${f.partition}, ` +
      `but the topic ${f.topic} ends there at ${f.end}: its end was lost. ${NEW_TABLES}`,
  },
}

/** Facts hold addresses, states and a statement's heading, never a secret. */
export class FlinkError extends RoomError<FlinkErrorCode> {
  override readonly name = 'FlinkError'

  constructor(code: FlinkErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/** Where there would be enough of them: how many other jobs have left. */
function slotsHeld({ slots, free, parallelism }: Facts): string {
  return Number(slots) < Number(parallelism) ? '' : `of which other jobs leave ${free} free, `
}

/** What to do about the causes that users meet. */
function adviceFor(why: string): string {
  if (/Could not find any factory|ClassNotFound|NoClassDefFound/.test(why)) {
    return "A jar is missing in Flink's lib folder: docs/distributed.md lists those it needs."
  }
  if (/Object '.*' not found|Table .* does not exist|Cannot find table/.test(why)) {
    return 'Run campaign-metrics setup, which makes the tables.'
  }
  if (/password authentication|Connection refused|Failed to (connect|initialize)/i.test(why)) {
    return 'Check that Flink can reach the catalog under the configured name and user.'
  }
  return 'The log of the gateway has the whole trace.'
}

/**
 * The line that says what is wrong in a Flink stack trace: the innermost cause. Frames, wrapping
 * exceptions and package names are left out, since the reader wants the sentence.
 */
export function rootCause(trace: string): string {
  const lines = trace.split('\n').map((line) => line.trim())
  const causes = lines.filter((line) => line.startsWith('Caused by: '))
  const exception = lines.find((line) => /^(?:[a-z]\w*\.)+[A-Z]\w*(?::|$)/.test(line))
  const line =
    causes.at(-1)?.slice('Caused by: '.length) ?? exception ?? lines.find((l) => l !== '')
  return (line ?? 'no reason was given').replace(/^(?:[a-z]\w*\.)+/, '')
}
