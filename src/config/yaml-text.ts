/**
 * YAML 1.2 as text, and as the plain value that it stands for. All faults are a list with their
 * lines: the parser finds some of them only when the value is built, and then throws.
 */

import { type Alias, type Document, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { reasonOf } from '../runtime.ts'

type YamlFault = Readonly<{ line: number | null; reason: string }>

export type YamlText = Readonly<{
  document: Document
  value: unknown
  lineOf(offset: number): number
}>

export function readYaml(text: string): YamlText | Readonly<{ faults: readonly YamlFault[] }> {
  const lines = new LineCounter()
  const lineOf = (offset: number): number => lines.linePos(offset).line
  const document = parseDocument(text, { version: '1.2', lineCounter: lines, prettyErrors: false })
  const faults: YamlFault[] = document.errors.map(({ code, message, pos }) => ({
    line: lineOf(pos[0]),
    reason: code === 'MULTIPLE_DOCS' ? 'a second document begins here (---); keep one' : message,
  }))
  faults.push(...aliasFaults(document, lineOf))
  if (faults.length > 0) return { faults }
  try {
    return { document, value: document.toJS(), lineOf }
  } catch (error) {
    return { faults: [{ line: null, reason: reasonOf(error) }] }
  }
}

/** Aliases (`*name`) of nothing, and aliases inside what they name. */
function aliasFaults(document: Document, lineOf: (offset: number) => number): YamlFault[] {
  const faults: YamlFault[] = []
  const add = ({ range }: Alias, reason: string): void => {
    faults.push({ line: range ? lineOf(range[0]) : null, reason })
  }
  if (document.errors.length > 0) return faults
  visit(document, {
    Alias(_, alias, path) {
      const target = alias.resolve(document) as Node | undefined
      const name = `*${alias.source}`
      if (target === undefined) {
        const todo = `no &${alias.source} stands before it; quote it to mean the text`
        add(alias, `${name} names nothing: ${todo}`)
      } else if (path.includes(target)) {
        add(alias, `${name} stands inside of what it names`)
      }
    },
  })
  return faults
}
