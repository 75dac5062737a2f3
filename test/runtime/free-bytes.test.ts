/** Freed by hand is only what nobody else can see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeBytes } from '../../src/runtime/free-bytes.ts'

test('a large array of its own is freed at once', () => {
  const bytes = new Uint8Array(64 * 1024)
  freeBytes(bytes)
  assert.equal(bytes.byteLength, 0)
})

test('an array that shares its buffer is left alone, and so is what shares it', () => {
  const buffer = new ArrayBuffer(64 * 1024)
  const part = new Uint8Array(buffer, 0, 32 * 1024)
  const other = new Uint8Array(buffer, 32 * 1024)
  freeBytes(part)
  assert.equal(part.byteLength, 32 * 1024)
  assert.equal(other.byteLength, 32 * 1024)
})

test('memory shared with a thread is left alone', () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(64 * 1024))
  freeBytes(bytes)
  assert.equal(bytes.byteLength, 64 * 1024)
})
