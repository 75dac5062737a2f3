/**
 * Every single mutation of a TypeScript source: an operator turned, a number or a truth value
 * changed, a condition fixed, a statement removed. Types are blanked out first, at the same
 * positions, so that a tokenizer of JavaScript is enough.
 */

import { stripTypeScriptTypes } from 'node:module'

export type MutantKind = 'operator' | 'number' | 'condition' | 'statement'

export type Mutant = Readonly<{
  kind: MutantKind
  /** What it replaces: `start` up to, not including, `end`. */
  start: number
  end: number
  before: string
  after: string
}>

type TokenKind = 'word' | 'number' | 'text' | 'punctuator'
type Token = Readonly<{
  kind: TokenKind
  text: string
  start: number
  end: number
  startsLine: boolean
}>

const SPACE = /\s+|\/\/[^\n]*|\/\*.*?\*\//sy
const TOKENS: readonly (readonly [TokenKind, RegExp])[] = [
  ['number', /(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.[\d_]+)?(?:[eE][+-]?\d+)?)n?/y],
  ['word', /#?[\p{L}$_][\p{L}\d$_]*/uy],
  ['text', /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/y],
  ['punctuator', /[=!]==?|\?\?=?|\?\.(?!\d)|[+\-*/%&|^<>]=|=>|\.\.\./y],
  ['punctuator', /\*\*=?|>>>=?|<<=?|>>=?|&&=?|\|\|=?|\+\+|--|./sy],
]
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y
const TEMPLATE_TEXT = /(?:\\.|\$(?!\{)|[^`\\$])*/sy

/** Words after which an expression begins, not an operator. */
const PREFIX_WORDS =
  /^(?:return|typeof|case|in|of|await|yield|throw|else|do|new|delete|void|instanceof)$/
/**
 * Words that begin more than one expression, or an assertion: without it a right program is the
 * same.
 */
const NOT_REMOVED: readonly string[] = (
  'assert const let var if else for while do switch case default try catch finally return ' +
  'function async class export import static get set'
).split(' ')
const OPENS = /^(?:[([{]|\$\{)$/
/** An operator at the start of a line goes on with the statement before. */
const GOES_ON = /^(?:\?\.|\?|:|\.|&&|\|\||\?\?|[=!]==?|[*/%&|^<>]=?|=|\+|-|,)$/

const OPERATORS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '===': '!==',
    '!==': '===',
    '<': '<=',
    '<=': '<',
    '>': '>=',
    '>=': '>',
    '&&': '||',
    '||': '&&',
    '??': '&&',
    '+': '-',
    '-': '+',
    '*': '/',
    '/': '*',
    '%': '*',
    '&': '|',
    '|': '&',
    '<<': '>>',
    '>>': '<<',
    '>>>': '<<',
    '+=': '-=',
    '-=': '+=',
    '*=': '/=',
    '++': '--',
    '--': '++',
  }),
)
const TRUTHS: ReadonlyMap<string, string> = new Map([
  ['true', 'false'],
  ['false', 'true'],
])

/** In the order of the source. Of those that do not compile, `isSyntax` says so. */
export function mutantsOf(source: string): readonly Mutant[] {
  const tokens = withoutImports(tokensOf(stripTypeScriptTypes(source)))
  const found: Mutant[] = []
  for (const [at, token] of tokens.entries()) {
    for (const [kind, last, after] of mutationsAt(tokens, at)) {
      const { start } = token
      const { end } = tokens[last] ?? token
      found.push({ kind, start, end, before: source.slice(start, end), after })
    }
  }
  return found
}

export function mutated(source: string, { start, end, after }: Mutant): string {
  return source.slice(0, start) + after + source.slice(end)
}

export function isSyntax(source: string): boolean {
  try {
    stripTypeScriptTypes(source)
    return true
  } catch {
    return false
  }
}

/** Each with the last token that it replaces. */
function mutationsAt(
  tokens: readonly Token[],
  at: number,
): readonly (readonly [MutantKind, number, string])[] {
  const { kind, text } = tokens[at] as Token
  const before = tokens[at - 1]
  const mutations: (readonly [MutantKind, number, string])[] = []
  const operator = OPERATORS.get(text)
  const isSign = /^[+-]$/.test(text) && !endsOperand(before)
  if (kind === 'punctuator' && operator !== undefined && !isSign) {
    mutations.push(['operator', at, operator])
  }
  if (text === '!' && kind === 'punctuator') mutations.push(['operator', at, ''])
  if (kind === 'number') mutations.push(['number', at, changedNumber(text)])
  const truth = kind === 'word' && before?.text !== '.' ? TRUTHS.get(text) : undefined
  if (truth !== undefined) mutations.push(['number', at, truth])
  if (text === '(' && (before?.text === 'if' || before?.text === 'while')) {
    const last = closing(tokens, at)
    mutations.push(['condition', last, '(false)'])
    if (before.text === 'if') mutations.push(['condition', last, '(true)'])
  }
  const last = statementEnd(tokens, at)
  if (last !== null) mutations.push(['statement', last, ';'])
  return mutations
}

function changedNumber(text: string): string {
  const big = text.endsWith('n') ? 'n' : ''
  const digits = text.replaceAll('_', '').replace(/n$/, '')
  return big === '' ? `${Number(digits) + 1}` : `${BigInt(digits) + 1n}n`
}

function endsOperand(token: Token | undefined): boolean {
  if (token === undefined) return false
  if (token.kind === 'word') return !PREFIX_WORDS.test(token.text)
  return token.kind !== 'punctuator' || /^(?:[)\]}`]|\+\+|--)$/.test(token.text)
}

/** The bracket that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const { kind, text } = tokens[at] as Token
    if (kind === 'punctuator' && OPENS.test(text)) depth += 1
    if (kind === 'punctuator' && /^[)\]}]$/.test(text)) depth -= 1
    if (depth === 0) return at
  }
  return tokens.length - 1
}

/**
 * The last token of the statement that begins at `first`; null where none begins that can be left
 * out: a call, an assignment, `throw`, `break` or `continue`. Biome puts each of them on lines of
 * its own.
 */
function statementEnd(tokens: readonly Token[], first: number): number | null {
  const { kind, text, startsLine } = tokens[first] as Token
  const before = tokens[first - 1]
  const isField = text.startsWith('#')
  if (kind !== 'word' || !startsLine || isField || NOT_REMOVED.includes(text)) return null
  if (before === undefined || /^(?:[([,:?]|=>|\.)$/.test(before.text)) return null
  if (before.kind === 'punctuator' && !/^[)\]}{;`]$/.test(before.text)) return null
  let doesSomething = /^(?:throw|break|continue)$/.test(text)
  for (let at = first; at < tokens.length; at++) {
    const token = tokens[at] as Token
    if (/^[,)\]}]$/.test(token.text)) return null
    if (OPENS.test(token.text)) {
      if (token.text === '(') doesSomething = true
      // A method: its parameters are followed by its body.
      if (token.text === '{' && tokens[at - 1]?.text === ')') return null
      at = closing(tokens, at)
    }
    if (/^(?:[-+*/%&|^]?=|\+\+|--|\?\?=)$/.test(token.text)) doesSomething = true
    const next = tokens[at + 1]
    const isLast = next === undefined || /^[;}]$/.test(next.text)
    const isBroken = next?.startsLine && isWhole(tokens[at]) && !GOES_ON.test(next.text)
    if (isLast || isBroken) return doesSomething ? at : null
  }
  return null
}

/** Whether a statement can end with this. */
function isWhole(token: Token | undefined): boolean {
  return endsOperand(token) || token?.kind === 'word'
}

/** Without `import … 'x'` and `export … from 'x'`. */
function withoutImports(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const { text, startsLine } = tokens[at] as Token
    const next = tokens[at + 1]?.text ?? ''
    const isImport = text === 'import' && startsLine && !/^[(.]$/.test(next)
    const isReexport = text === 'export' && /^[{*]$/.test(next)
    if (!isImport && !isReexport) kept.push(tokens[at] as Token)
    else while (at < tokens.length && tokens[at]?.kind !== 'text') at++
  }
  return kept
}

/** Comments and the text of templates are left out. */
function tokensOf(code: string): readonly Token[] {
  const tokens: Token[] = []
  /** For each open `${` the depth of braces inside of it. */
  const templates: number[] = []
  let startsLine = true
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(code)?.[0] ?? null
  }
  const push = (kind: TokenKind, text: string): void => {
    tokens.push({ kind, text, start: at, end: at + text.length, startsLine })
    startsLine = false
    at += text.length
  }
  /** Up to the next `${` or the end of the template. */
  const skipTemplate = (): void => {
    at += take(TEMPLATE_TEXT)?.length ?? 0
    const isEnd = code[at] === '`'
    push('punctuator', isEnd ? '`' : '${')
    if (!isEnd) templates.push(0)
  }
  while (at < code.length) {
    const space = take(SPACE)
    if (space !== null) {
      startsLine ||= space.includes('\n')
      at += space.length
      continue
    }
    const before = tokens.at(-1)
    const regexp = endsOperand(before) ? null : take(REGEXP)
    if (regexp !== null) push('text', regexp)
    else if (code[at] === '`') {
      push('punctuator', '`')
      skipTemplate()
    } else pushToken()
  }
  return tokens

  function pushToken(): void {
    for (const [kind, pattern] of TOKENS) {
      const text = take(pattern)
      if (text === null) continue
      const depth = templates.at(-1)
      push(kind, text)
      if (depth === undefined || (text !== '{' && text !== '}')) return
      if (text === '}' && depth === 0) {
        templates.pop()
        skipTemplate()
      } else templates[templates.length - 1] = depth + (text === '{' ? 1 : -1)
      return
    }
  }
}
