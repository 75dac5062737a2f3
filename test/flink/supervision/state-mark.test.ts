import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  STATE_VERSION,
  whyOtherBackend,
  whyOtherVersion,
} from '../../../src/flink/supervision/state-mark.ts'

test('tables that name no state were filled by the first version: refused, with the way on', () => {
  assert.match(whyOtherVersion(null) ?? '', /state is of version 1, .* needs version 3/)
  assert.match(whyOtherVersion(null) ?? '', /start --rebuild-state/)
  assert.equal(whyOtherVersion({ version: STATE_VERSION, backend: 'hashmap' }), null)
  assert.notEqual(whyOtherVersion({ version: STATE_VERSION + 1, backend: 'hashmap' }), null)
})

test('a savepoint is taken over by another backend, a checkpoint is not', () => {
  const found = { version: STATE_VERSION, backend: 'hashmap' } as const
  const checkpoint = 'file:/c/8a/chk-12'
  assert.equal(whyOtherBackend(found, 'rocksdb', ['file:/s/savepoint-1-2', checkpoint]), null)
  assert.equal(whyOtherBackend(found, 'hashmap', [checkpoint]), null)
  assert.match(
    whyOtherBackend(found, 'rocksdb', [checkpoint]) ?? '',
    /Set flink.stateBackend: hashmap and start; change it while the job runs/,
  )
})
