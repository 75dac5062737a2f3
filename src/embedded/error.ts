/** What can stop the job for good. Each message says what is wrong, where, and what to do. */
import { type ErrorKind, type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type JobErrorCode =
  | 'checkpoint-unreadable'
  | 'other-log'
  | 'other-tables'
  | 'log-too-short'
  | 'log-trimmed'
  | 'partition-too-short'
  | 'partition-trimmed'
  | 'ledger-open'
  | 'day-dropped'
  | 'thread-ended'
  | 'failed'

const KINDS: ErrorKinds<JobErrorCode> = {
  'checkpoint-unreadable': final(
    (f) =>
      `the newest snapshot of campaign_events has ${f.key} = "${f.value}", which is no count: ` +
      'the tables were written by something else; restore them from a backup',
  ),
  'other-log': final(
    (f) =>
      `the tables were filled from the log ${f.tables}, but this is another one, ` +
      `${f.log}${aboutTopics(f)}. ` +
      'If the old log is lost for good, fill the same tables from this one: campaign-metrics ' +
      'start --new-log',
  ),
  'other-tables': final(
    (f) =>
      `the tables are empty, but the log begins at offset ${f.start}: the events before are in ` +
      'other tables. Let catalog and warehouse in the configuration name those; or, to fill new ' +
      'tables with what the log still holds: campaign-metrics start --new-log',
  ),
  'log-too-short': final(
    (f) =>
      `the tables hold every event before offset ${f.nextOffset}, but the log ends at ${f.end}: ` +
      'its end was lost. Restore the log folder; or, to go on without it, move it away and run: ' +
      'campaign-metrics start --new-log',
  ),
  'log-trimmed': final(
    (f) =>
      `the tables wait for offset ${f.nextOffset}, but the log begins at ${f.start}: the events ` +
      'between are missing. Restore the log folder; or, to go on without them, move it away and ' +
      'run: campaign-metrics start --new-log',
  ),
  'partition-too-short': final(
    (f) =>
      `the tables hold every event before offset ${f.nextOffset} of partition ${f.partition}, ` +
      'but the topic ends there at ' +
      `${f.end}: its end was lost. Restore the topic; or, to go on without what was lost: ` +
      'campaign-metrics start --new-log',
  ),
  'partition-trimmed': final(
    (f) =>
      `the tables wait for offset ${f.nextOffset} of partition ${f.partition}, but the topic ` +
      `begins there at ${f.start}: the ` +
      'events between are gone (retention?). Restore the topic; or, to go on without them: ' +
      'campaign-metrics start --new-log',
  ),
  'ledger-open': final(
    (f) =>
      `the ledger does not close: ${f.taken} events counted, offset ${f.nextOffset} reached ` +
      `(log base ${f.logBase}); ` +
      'this is a defect, please report it',
  ),
  'day-dropped': final(
    (f) =>
      'an event is to go into the window of ' +
      `${new Date(Number(f.windowStartUs) / 1000).toISOString()}, whose events ` +
      'retention has dropped; nothing was changed. Start again: such events are then rejected ' +
      'and kept',
  ),
  'thread-ended': final((f) => `the job thread ended by itself with code ${f.exitCode}`),
  failed: final((f) => `the job stopped: ${f.reason}`),
}

export class JobError extends RoomError<JobErrorCode> {
  override readonly name = 'JobError'

  constructor(code: JobErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/** Never retried by the program itself. */
function final(message: ErrorKind['message']): ErrorKind {
  return { canRetry: false, message }
}

/** Ids of topics mean nothing to their users. */
function aboutTopics({ tables, log }: Facts): string {
  const areTopics = [tables, log].every((id) => String(id).startsWith('kafka:'))
  return areTopics
    ? ' (kafka:CLUSTER/TOPIC-ID: the topic that `log` names was deleted and made anew, or is on ' +
        'another cluster)'
    : ''
}
