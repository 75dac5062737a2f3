/**
 * Which single changes `npm run test:mutation` tries in a source, and which places it leaves alone.
 */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSyntax, mutantsOf, mutated } from '../../scripts/mutants.ts'
import { openRandom } from '../support/random.ts'

/** As `before → after`, white space folded. */
function changesOf(source: string): readonly string[] {
  return mutantsOf(source).map(({ before, after }) => `${before.replace(/\s+/g, ' ')} → ${after}`)
}

test('operators, numbers and truth values change, each alone', () => {
  assert.deepEqual(changesOf('const x = a < 0x1f && -b !== 1_000n'), [
    '< → <=',
    '0x1f → 32',
    '&& → ||',
    '!== → ===',
    '1_000n → 1001n',
  ])
  assert.deepEqual(changesOf('const x = !a ?? true'), ['! → ', '?? → &&', 'true → false'])
})

test('a condition is fixed both ways, that of a loop to its end only', () => {
  assert.deepEqual(changesOf('if (a(b)) c = d'), ['(a(b)) → (false)', '(a(b)) → (true)'])
  assert.deepEqual(changesOf('while (a) { b }'), ['(a) → (false)'])
})

test('a statement that does something is removed whole', () => {
  const source = [
    'async function act(list: string[]): Promise<void> {',
    '  await list',
    '    .map((each) => each)',
    '    .join(`${list.length} {`)',
    '  total = list.length',
    '  for (const each of list) {',
    '    continue',
    '  }',
    '  return total',
    '}',
  ]
  assert.deepEqual(changesOf(source.join('\n')), [
    'await list .map((each) => each) .join(`${list.length} {`) → ;',
    'total = list.length → ;',
    'continue → ;',
  ])
})

test('imports, types, comments, texts, patterns, properties, methods and assertions stay', () => {
  const source = [
    "import { one, type Two } from './a1.ts'",
    "export { three } from './a2.ts'",
    'type Small = 1 | 2 // 3 + 4',
    'class Named<T extends 5> {',
    '  #field: Map<string, 6>',
    '  method(a?: 7): 8 {',
    "    return 'it\\'s 9 < 10' as unknown as 11",
    '  }',
    '}',
    'const pattern = /[/"]1+/',
    'const text = `2 + 3 ${pattern} 4`',
    'const record = {',
    '  key: call(text),',
    '}',
    'assert(record)',
  ]
  assert.deepEqual(changesOf(source.join('\n')), [])
})

test('nearly all changes of the sources of the project are programs', () => {
  const random = openRandom(1)
  const counts = { tried: 0, syntax: 0 }
  for (const file of globSync('src/{log,query,table}/**/*.ts')) {
    const source = readFileSync(file, 'utf8')
    for (const mutant of mutantsOf(source)) {
      assert.equal(mutant.before, source.slice(mutant.start, mutant.end))
      assert.notEqual(mutant.before, mutant.after)
      if (!random.chance(0.05)) continue
      counts.tried += 1
      if (isSyntax(mutated(source, mutant))) counts.syntax += 1
    }
  }
  assert.ok(counts.tried >= 100, `${counts.tried} tried`)
  assert.ok(counts.syntax / counts.tried > 0.97, JSON.stringify(counts))
})
