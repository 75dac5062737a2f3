import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillSql, splitStatements } from '../../../src/flink/job/fill-sql.ts'

test('a value with quotes stays inside of its literal', () => {
  const filled = fillSql("SET 'x' = {text:x};\n", {
    text: { x: "a'; DROP TABLE t; --" },
    options: {},
  })
  assert.equal(filled, "SET 'x' = 'a''; DROP TABLE t; --';\n")
})

test('options become keys and values, one a line', () => {
  const filled = fillSql('WITH (\n  {options:o}\n)\n', {
    text: {},
    options: { o: { topic: 't', "jdbc.it's": 'p"w' } },
  })
  assert.equal(filled, "WITH (\n  'topic' = 't',\n  'jdbc.it''s' = 'p\"w'\n)\n")
})

test('what a value holds is not filled again', () => {
  const filled = fillSql('{text:a} {text:b}', { text: { a: '{text:b}', b: '$&' }, options: {} })
  assert.equal(filled, "'{text:b}' '$&'")
})

test('a placeholder without a value, and a value without a placeholder, are defects', () => {
  assert.throws(() => fillSql('{text:a}', { text: {}, options: {} }), /no value/)
  assert.throws(() => fillSql('', { text: { a: '' }, options: {} }), /the same/)
  const inComment = { text: { a: '' }, options: {} }
  assert.throws(() => fillSql('-- {text:a}\n', inComment), /the same/, 'comments are not filled')
})

test('a statement ends at the end of a line, a statement set at its END', () => {
  const sql =
    "-- first\nSET 'a' = ';';\n\nEXECUTE STATEMENT SET BEGIN\n\nINSERT INTO a\nSELECT 1;\n\n" +
    '-- why\nINSERT INTO b\nSELECT 2;\n\nEND;\n'
  assert.deepEqual(splitStatements(sql), [
    "SET 'a' = ';'",
    'EXECUTE STATEMENT SET BEGIN\n\nINSERT INTO a\nSELECT 1;\n\n' +
      '-- why\nINSERT INTO b\nSELECT 2;\n\nEND',
  ])
  assert.throws(() => splitStatements('SELECT 1'), /semicolon/)
})
