/** The job goes on from the first checkpoint that is there, and it is told what is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlinkError } from '../../../src/flink/error.ts'
import { submitFromFirst } from '../../../src/flink/supervision/submission.ts'

const GONE = 'FileNotFoundException: Cannot find checkpoint or savepoint file/directory'

/** A cluster that has these checkpoints. */
function tries(there: readonly string[], why = GONE) {
  const tried: string[] = []
  const told: string[] = []
  const ending = new AbortController()
  const submit = async (path: string): Promise<string> => {
    tried.push(path)
    if (there.includes(path)) return `job-${path}`
    throw new FlinkError('statement', { url: 'u', statement: 's', why })
  }
  const onSearch = (text: string): void => {
    told.push(text)
  }
  return { tried, told, ending, parts: { submit, onSearch, signal: ending.signal } }
}

test('the first one that is there is taken, and the others are kept for later', async () => {
  const { tried, told, parts } = tries(['c', 'd'])
  const found = await submitFromFirst(['a', 'b', 'c', 'd'], parts)
  assert.deepEqual(found, { jobId: 'job-c', path: 'c', rest: ['d'] })
  assert.deepEqual(tried, ['a', 'b', 'c'])
  assert.deepEqual(told, ['nothing is at a: looking for a later checkpoint of the Flink job'])
})

test('where the first is there nothing is told', async () => {
  const { told, parts } = tries(['a'])
  assert.deepEqual(await submitFromFirst(['a', 'b'], parts), {
    jobId: 'job-a',
    path: 'a',
    rest: ['b'],
  })
  assert.deepEqual(told, [])
})

test('where none is there it is told what was looked for, in one sentence', async () => {
  const none = tries([])
  const missing = await submitFromFirst(['a', 'b', 'c'], none.parts)
  assert(missing !== null && 'why' in missing && missing.kind === 'missing')
  assert.match(missing.why, /^nothing is at a, nor at 2 other places \(.*Cannot find checkpoint/)
  const one = await submitFromFirst(['a'], tries([]).parts)
  assert(one !== null && 'why' in one)
  assert.match(one.why, /^nothing is at a \(/)
})

test('another failure is no reason to try the next', async () => {
  const { tried, parts } = tries([], 'password authentication failed')
  await assert.rejects(submitFromFirst(['a', 'b'], parts), /password authentication/)
  assert.deepEqual(tried, ['a'])
})

test('a program that ends does not try them all', async () => {
  const { tried, ending, parts } = tries([])
  const submit = (path: string): Promise<string> => {
    if (path === 'b') ending.abort()
    return parts.submit(path)
  }
  const ended = await submitFromFirst(['a', 'b', 'c'], { ...parts, submit })
  assert.equal('kind' in ended && ended.kind, 'failed')
  assert.deepEqual(tried, ['a', 'b'])
})
