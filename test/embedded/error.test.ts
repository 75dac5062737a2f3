/** What stops the job for good is told with what is wrong, where, and what to do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobError, type JobErrorCode } from '../../src/embedded/error.ts'

const FACTS = {
  ...{ key: 'KEY', value: 'VALUE', tables: 'log-a', log: 'log-b', start: 11, end: 22 },
  ...{ nextOffset: 33, partition: 44, taken: 55, logBase: 66, exitCode: 77, reason: 'REASON' },
  changes: 'CHANGES',
  windowStartUs: 1_795_348_800_123_000,
}

const MESSAGES: Readonly<Record<JobErrorCode, RegExp>> = {
  'checkpoint-unreadable': /KEY = "VALUE".*no count: the tables.*restore them from a backup$/,
  'tables-changed': /while this one was stopped: CHANGES\. .*: campaign-metrics adopt .*again$/,
  'lock-lost': /^the job stopped: REASON$/,
  'other-log':
    /log log-a, but this is another one, log-b\. If .* from this one: .*start --new-log$/,
  'other-tables': /begins at offset 11: .* the configuration name those; or.*start --new-log$/,
  'log-too-short': /before offset 33, but the log ends at 22: its end.*run: .*start --new-log$/,
  'log-trimmed': /wait for offset 33, but the log begins at 11: .*and run: .*start --new-log$/,
  'partition-too-short': /offset 33 of partition 44, but .* at 22: .*without what.*--new-log$/,
  'partition-trimmed': /offset 33 of partition 44, but the topic begins there at 11: .*--new-log$/,
  'ledger-open': /55 events counted, offset 33 reached \(log base 66\); .*please report it$/,
  'day-dropped': /of 2026-11-22T12:00:00\.123Z, whose events .* has dropped; .* Start again/,
  'thread-ended': /ended by itself with code 77$/,
  failed: /^the job stopped: REASON$/,
}

for (const [code, message] of Object.entries(MESSAGES)) {
  test(`${code} is never retried, and says what to do`, () => {
    const error = new JobError(code as JobErrorCode, FACTS, 'cause')
    assert.match(error.message, message)
    assert.equal(error.name, 'JobError')
    assert.equal(error.canRetry, false)
    assert.equal(error.cause, 'cause')
  })
}

test('ids of topics are explained, since their users never see them', () => {
  const topics = { tables: 'kafka:c/t', log: 'kafka:c/u' }
  const { message } = new JobError('other-log', { ...FACTS, ...topics })
  assert.match(message, /kafka:c\/u \(kafka:CLUSTER\/TOPIC-ID: the topic that `log` names was/)
  const mixed = new JobError('other-log', { ...FACTS, tables: 'log-a', log: 'kafka:c/u' })
  assert.doesNotMatch(mixed.message, /TOPIC-ID/)
})
