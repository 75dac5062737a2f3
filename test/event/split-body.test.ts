import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BodyForm, splitBody } from '../../src/event.ts'

/** The parts as text, or why there are none. */
function parts(body: string, form: BodyForm): readonly string[] | string {
  const bytes = Buffer.from(body)
  const spans = splitBody(bytes, form)
  if ('unsplittable' in spans) return spans.unsplittable
  return spans.map(({ start, end }) => bytes.toString('utf8', start, end))
}

test('lines end at LF, lose the white space around, and do not count when blank', () => {
  assert.deepEqual(parts('{}\n{}', 'lines'), ['{}', '{}'])
  assert.deepEqual(parts('\n \t {"a": 1} \r\n\r\n\n{}\n\n', 'lines'), ['{"a": 1}', '{}'])
  assert.deepEqual(parts('', 'lines'), [])
  assert.deepEqual(parts(' \n\r\n', 'lines'), [])
})

test('lines are cut inside strings and objects too', () => {
  assert.deepEqual(parts('{"a":\n"b\nc"}', 'lines'), ['{"a":', '"b', 'c"}'])
})

test('an array is cut at the commas between its own elements only', () => {
  assert.deepEqual(parts(' [{"a":[1,2]} , [3,4],5 ]\n', 'array'), ['{"a":[1,2]}', '[3,4]', '5'])
  assert.deepEqual(parts(String.raw`["a,]\"[{", "\\", {}]`, 'array'), [
    String.raw`"a,]\"[{"`,
    String.raw`"\\"`,
    '{}',
  ])
})

test('an array holds no event when it is empty, and a bad one where an element is missing', () => {
  assert.deepEqual(parts('[]', 'array'), [])
  assert.deepEqual(parts('[ \n ]', 'array'), [])
  assert.deepEqual(parts('[1,]', 'array'), ['1', ''])
  assert.deepEqual(parts('[,1]', 'array'), ['', '1'])
  assert.deepEqual(parts('[1,,2]', 'array'), ['1', '', '2'])
  assert.deepEqual(parts('[,]', 'array'), ['', ''])
})

test('an array keeps a broken element from its neighbours as long as its brackets add up', () => {
  assert.deepEqual(parts('[{}, {"a" 1], nonsense, {}]', 'array'), [
    '{}',
    '{"a" 1]',
    'nonsense',
    '{}',
  ])
})

test('an array that is not one cannot be split', () => {
  assert.equal(parts('', 'array'), 'empty')
  assert.equal(parts(' \n', 'array'), 'empty')
  assert.equal(parts('{}', 'array'), 'not-array')
  assert.equal(parts('\ufeff[]', 'array'), 'not-array')
  assert.equal(parts('[', 'array'), 'unclosed')
  assert.equal(parts('[1', 'array'), 'unclosed')
  assert.equal(parts('[1,', 'array'), 'unclosed')
  assert.equal(parts('[[1]', 'array'), 'unclosed')
  assert.equal(parts('["]', 'array'), 'unclosed')
  assert.equal(parts('["\\"]', 'array'), 'unclosed')
  assert.equal(parts('[1}', 'array'), 'unclosed')
  assert.equal(parts('[1] x', 'array'), 'trailing')
  assert.equal(parts('[1]]', 'array'), 'trailing')
  assert.equal(parts('[1],', 'array'), 'trailing')
})

test('any body holds at most 200,000 events', () => {
  assert.equal(parts('1\n'.repeat(200_000), 'lines').length, 200_000)
  assert.equal(parts('1\n'.repeat(200_001), 'lines'), 'too-many')
  assert.equal(parts(`[${'1,'.repeat(200_000)}1]`, 'array'), 'too-many')
})

test('an object is the whole body without the white space around', () => {
  assert.deepEqual(parts('\n {"a":\n1} \n', 'object'), ['{"a":\n1}'])
  assert.deepEqual(parts('{}{}', 'object'), ['{}{}'])
  assert.equal(parts(' \n', 'object'), 'empty')
})
