/** Which errors of the log pass by themselves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogError, type LogErrorCode } from '../../src/log.ts'

/** Whether the same call may succeed later: the collector then asks its sender to send again. */
const CAN_RETRY: Readonly<Record<LogErrorCode, boolean>> = {
  locked: false,
  'lock-lost': false,
  damaged: false,
  full: true,
  busy: true,
  'too-large': false,
  misplaced: true,
  io: false,
  closed: false,
  trimmed: false,
  'beyond-end': false,
  unavailable: true,
  denied: false,
  'topic-missing': false,
  'topic-unfit': false,
  'topic-replaced': false,
  unsupported: false,
}

for (const [code, canRetry] of Object.entries(CAN_RETRY)) {
  test(`after ${code} the same call ${canRetry ? 'may succeed' : 'fails'} later`, () => {
    assert.equal(new LogError(code as LogErrorCode, {}).canRetry, canRetry)
  })
}
