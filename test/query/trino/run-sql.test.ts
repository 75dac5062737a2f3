/**
 * Which SQL may run through Trino: by hand, each form of a statement that reads, and each disguise
 * of one that does not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readingStatement } from '../../../src/query/trino/run-sql.ts'

test('what only reads may run, in any spelling', () => {
  for (const sql of [
    'SELECT 1',
    'select * from campaign_events',
    '  -- first\n/* second */ SELECT 1',
    '(SELECT 1) UNION (SELECT 2)',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'VALUES 1, 2',
    'TABLE campaign_metrics',
    'SHOW CREATE TABLE campaign_events',
    'DESCRIBE campaign_events',
    'EXPLAIN SELECT 1',
    'EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) SELECT 1',
    'EXPLAIN ANALYZE VERBOSE SELECT 1',
    'EXPLAIN (SELECT 1)',
    `SELECT 'DROP TABLE a; --' AS "a;b"`,
    `SELECT 'it''s' -- the end; really`,
  ]) {
    assert.equal(readingStatement(sql), sql)
  }
})

test('a closing semicolon is left out, because Trino refuses it', () => {
  assert.equal(readingStatement('SELECT 1;'), 'SELECT 1')
  assert.equal(readingStatement('SELECT 1 ;; -- done'), 'SELECT 1 ')
  assert.equal(readingStatement("SELECT ';' ;"), "SELECT ';' ")
})

test('what changes something is refused, with what it is', () => {
  const refused: readonly (readonly [sql: string, found: RegExp])[] = [
    ['', /an empty text/],
    [' ; -- SELECT 1', /an empty text/],
    ['INSERT INTO a SELECT 1', /a statement of type INSERT/],
    ['/* SELECT */ delete from a', /a statement of type DELETE/],
    ['SELECT 1; DROP TABLE a', /2 statements/],
    ["SELECT ''; SELECT '; '; SELECT 3", /3 statements/],
    ['EXPLAIN INSERT INTO a SELECT 1', /an EXPLAIN of INSERT/],
    ['EXPLAIN ANALYZE DELETE FROM a', /an EXPLAIN of DELETE/],
    ['EXPLAIN ANALYZE VERBOSE MERGE INTO a', /an EXPLAIN of MERGE/],
    ['EXPLAIN (TYPE LOGICAL) CREATE TABLE a AS SELECT 1', /an EXPLAIN of CREATE/],
    ['EXPLAIN', /an EXPLAIN of NOTHING|an EXPLAIN of nothing/],
    ['SET SESSION a = 1', /SET/],
    ['CALL system.x()', /CALL/],
    ['EXECUTE p', /EXECUTE/],
    ['USE other', /USE/],
    ['"SELECT" 1', /"SELECT"/],
    ["'", /'/],
  ]
  for (const [sql, found] of refused) {
    assert.throws(() => readingStatement(sql), { code: 'not-a-query', message: found }, sql)
  }
})
