/** What can stop the job for good. Each message says what is wrong, where, and what to do. */
import { type ErrorKind, type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type JobErrorCode =
  | 'checkpoint-unreadable'
  | 'tables-changed'
  | 'other-log'
  | 'other-tables'
  | 'log-too-short'
  | 'log-trimmed'
  | 'partition-too-short'
  | 'partition-trimmed'
  | 'ledger-open'
  | 'day-dropped'
  | 'lock-lost'
  | 'thread-ended'
  | 'failed'

const MESSAGES: Readonly<Record<JobErrorCode, ErrorKind['message']>> = {
  'checkpoint-unreadable': (f) =>
    `the newest snapshot of ours has ${f.key} = "${f.value}", which is no count: ` +
    'the tables were written by something else; restore them from a backup',
  'tables-changed': (f) =>
    `another program changed the tables while this one was stopped: ${f.changes}. Nothing was ` +
    'undone. To go on from the tables as they are now: campaign-metrics adopt (--dry-run shows ' +
    'what it does). Or undo the change, then start again',
  'other-log': (f) =>
    `the tables were filled from the log ${f.tables}, but this is another one, ` +
    `${f.log}${aboutTopics(f)}. If the old log is lost for good, fill the same tables from this ` +
    'one: campaign-metrics start --new-log',
  'other-tables': (f) =>
    `the tables are empty, but the log begins at offset ${f.start}: the events before are in ` +
    'other tables. Let catalog and warehouse in the configuration name those; or, to fill new ' +
    'tables with what the log still holds: campaign-metrics start --new-log',
  'log-too-short': (f) =>
    `the tables hold every event before offset ${f.nextOffset}, but the log ends at ${f.end}: ` +
    'its end was lost. Restore the log folder; or, to go on without it, move it away and run: ' +
    'campaign-metrics start --new-log',
  'log-trimmed': (f) =>
    `the tables wait for offset ${f.nextOffset}, but the log begins at ${f.start}: the events ` +
    'between are missing. Restore the log folder; or, to go on without them, move it away and ' +
    'run: campaign-metrics start --new-log',
  'partition-too-short': (f) =>
    `the tables hold every event before offset ${f.nextOffset} of partition ${f.partition}, ` +
    `but the topic ends there at ${f.end}: its end was lost. Restore the topic; or, to go on ` +
    'without what was lost: campaign-metrics start --new-log',
  'partition-trimmed': (f) =>
    `the tables wait for offset ${f.nextOffset} of partition ${f.partition}, but the topic ` +
    `begins there at ${f.start}: the events between are gone (retention?). Restore the ` +
    'topic; or, to go on without them: campaign-metrics start --new-log',
  'ledger-open': (f) =>
    `the ledger does not close: ${f.taken} events counted, offset ${f.nextOffset} reached ` +
    `(log base ${f.logBase}); this is a defect, please report it`,
  'day-dropped': (f) =>
    `an event is to go into the window of ${timeText(f.windowStartUs)}, whose events retention ` +
    'has dropped; nothing was changed. Start again: such events are then rejected and kept',
  'lock-lost': (f) => `the job stopped: ${f.reason}`,
  'thread-ended': (f) => `the job thread ended by itself with code ${f.exitCode}`,
  failed: (f) => `the job stopped: ${f.reason}`,
}

/** The program never retries any of them by itself. The keys are those of MESSAGES. */
const KINDS = Object.fromEntries(
  Object.entries(MESSAGES).map(([code, message]) => [code, { canRetry: false, message }]),
) as ErrorKinds<JobErrorCode>

export class JobError extends RoomError<JobErrorCode> {
  override readonly name = 'JobError'

  constructor(code: JobErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/** Ids of topics mean nothing to their users. */
function aboutTopics({ tables, log }: Facts): string {
  const areTopics = [tables, log].every((id) => String(id).startsWith('kafka:'))
  return areTopics
    ? ' (kafka:CLUSTER/TOPIC-ID: the topic that `log` names was deleted and made anew, or is on ' +
        'another cluster)'
    : ''
}

function timeText(us: Facts[string] = null): string {
  return new Date(Number(us) / 1000).toISOString()
}
