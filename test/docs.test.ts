/**
 * The documents against the tree: links lead somewhere, paths exist, the map names every room and
 * what it imports, the index lists every decision, and the map stays a map. Names are read from the
 * tree, never listed here.
 */

import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENTS = ['*.md', 'docs/**/*.md', 'deploy/*.md']
const SOURCES = ['{src,test,scripts,bench,deploy}/**/*.{ts,sql,py,yaml}']
const DECISIONS = 'docs/decisions'
const DECISION_HEADINGS = ['Decision', 'Why', 'Measured or tried', 'Cost']
/** Made by the build, so not in the repository. */
const GENERATED = ['third-party-licences.md']
/** The map is at most two pages; terms that are ours have to earn their place. */
const MAP_LINES_MAX = 160
const TERMS_MAX = 15
/** The tests must not pass by seeing nothing. */
const LINKS_MIN = 100
const PATHS_MIN = 80
const MENTIONS_MIN = 20
const DECISIONS_MIN = 40

type Document = Readonly<{ path: string; text: string }>

const documents: readonly Document[] = globSync(DOCUMENTS, { cwd: ROOT }).map((path) => ({
  path,
  text: read(path),
}))
const map = read('ARCHITECTURE.md')

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** What stands between ``` and ```. */
const FENCED = /^```[^\n]*\n[\s\S]*?^```/gm
const IN_LINE = /`[^`\n]+`/g

/** Targets of links and sources of pictures, outside of code. */
function linksOf({ text }: Document): string[] {
  const prose = text.replace(FENCED, '').replace(IN_LINE, 'code')
  const forms = [/\]\(([^)\s]+)\)/g, /\bsrc(?:set)?="([^"]+)"/g]
  return forms.flatMap((form) => [...prose.matchAll(form)].map(([, target = '']) => target))
}

/** Paths of this repository in code; `<` and `*` stand for any name. */
function pathsOf({ text }: Document): string[] {
  const code = [...text.matchAll(FENCED), ...text.replace(FENCED, '').matchAll(IN_LINE)].join('\n')
  const paths = code.matchAll(/(?<=[\s`'"(])(?:src|test|docs|scripts|bench|deploy)\/[^\s`'",;:)]*/g)
  return [...paths].map(([path]) => path).filter((path) => !/[<*]/.test(path))
}

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.replace(FENCED, '').matchAll(/^#+ (.*)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let name = anchor
    for (let count = 1; anchors.has(name); count += 1) name = `${anchor}-${count}`
    anchors.add(name)
  }
  return anchors
}

/** The first cells of the table under a heading, and all cells of each row. */
function tableUnder(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = map.split(`\n## ${heading}\n`)
  const [part = ''] = section.split('\n## ')
  const rows = part.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('every relative link in the documents leads to a file, and its anchor to a heading', () => {
  const faults: string[] = []
  let count = 0
  for (const document of documents) {
    for (const link of linksOf(document)) {
      if (/^[a-z]+:/.test(link)) continue
      count += 1
      const [file = '', anchor] = link.split('#')
      const path = file === '' ? document.path : normalize(join(dirname(document.path), file))
      if (!existsSync(join(ROOT, path))) faults.push(`${document.path}: ${link}`)
      else if (anchor !== undefined && !anchorsOf(read(path)).has(anchor)) {
        faults.push(`${document.path}: ${link} has no such heading`)
      }
    }
  }
  assert.deepEqual(faults, [])
  assert.ok(count >= LINKS_MIN, `only ${count} links seen`)
})

test('every path of this repository that the documents name exists', () => {
  const faults: string[] = []
  let count = 0
  for (const document of documents) {
    for (const path of pathsOf(document)) {
      count += 1
      if (existsSync(join(ROOT, path))) continue
      const moved = globSync(`{src,test}/**/${basename(path)}`, { cwd: ROOT })
      const hint = moved.length === 0 ? '' : ` (moved to ${moved.join(' or ')}?)`
      faults.push(`${document.path}: ${path}${hint}`)
    }
  }
  assert.deepEqual(faults, [])
  assert.ok(count >= PATHS_MIN, `only ${count} paths seen`)
})

test('every document that sources and tests name is in the repository', () => {
  const mentions = globSync(SOURCES, { cwd: ROOT }).flatMap((path) =>
    [...read(path).matchAll(/[\w-][\w./-]*\.md\b/g)].map(([name]) => ({ path, name })),
  )
  assert.ok(mentions.length >= MENTIONS_MIN, `only ${mentions.length} mentions seen`)
  const known = new Set(documents.map(({ path }) => path))
  const faults = mentions.filter(
    ({ name }) => !known.has(name) && !GENERATED.includes(basename(name)),
  )
  assert.deepEqual(faults, [])
})

type RoomRow = Readonly<{ room: string; knows: readonly string[] }>

/** Of the map's table of rooms. */
const roomRows: readonly RoomRow[] = tableUnder('Rooms').map(([room = '', , knows = '']) => ({
  room: room.replaceAll('`', ''),
  knows: knows === '–' ? [] : knows.split(', ').sort(),
}))

test('the map names every room of src/, in an order in which each knows rooms above it', () => {
  const rooms = readdirSync(join(ROOT, 'src')).map((name) => name.replace(/\.ts$/, ''))
  const named = roomRows.map(({ room }) => room)
  assert.deepEqual(named.toSorted(), [...new Set(rooms)].sort())
  const faults = roomRows.flatMap(({ room, knows }, index) =>
    knows
      .filter((other) => !named.slice(0, index).includes(other))
      .map((other) => `${room} knows ${other}, which does not stand above it`),
  )
  assert.deepEqual(faults, [])
})

test('the map says of each room which rooms it imports', () => {
  const line = (room: string, knows: readonly string[]) => `${room}: ${knows.join(', ')}`
  assert.deepEqual(
    roomRows.map(({ room, knows }) => line(room, knows)),
    roomRows.map(({ room }) => line(room, importedBy(room))),
  )
})

/** The rooms whose doors a room imports. */
function importedBy(room: string): readonly string[] {
  const files = globSync([`src/${room}.ts`, `src/${room}/**/*.ts`], { cwd: ROOT })
  const targets = files.flatMap((path) =>
    [...read(path).matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^'\n]+\.ts)'/g)].map(
      ([, target = '']) => normalize(join(dirname(path), target)).split('/'),
    ),
  )
  const doors = targets.filter(([top, , ...rest]) => top === 'src' && rest.length === 0)
  const rooms = doors.map(([, door = '']) => door.replace(/\.ts$/, ''))
  return [...new Set(rooms)].filter((other) => other !== room).sort()
}

test(`the map has at most ${MAP_LINES_MAX} lines, and its glossary ${TERMS_MAX} terms`, () => {
  const lines = map.split('\n').length - 1
  assert.ok(lines <= MAP_LINES_MAX, `${lines} lines`)
  const terms = tableUnder('Glossary').map(([term]) => term)
  assert.ok(terms.length > 0 && terms.length <= TERMS_MAX, `${terms.length} terms`)
})

test('every decision has its page in one form, and its line in the index', () => {
  const pages = documents.filter(({ path }) => dirname(path) === DECISIONS)
  const names = pages.map(({ path }) => basename(path)).filter((name) => name !== 'README.md')
  assert.ok(names.length >= DECISIONS_MIN, `only ${names.length} decisions seen`)
  const index = linksOf({ path: '', text: read(`${DECISIONS}/README.md`) })
  assert.deepEqual(index.filter((link) => !link.startsWith('.')).sort(), names.sort())
  const faults = names.filter((name) => {
    const headings = [...read(`${DECISIONS}/${name}`).matchAll(/^## (.*)$/gm)]
    return headings.map(([, heading]) => heading).join() !== DECISION_HEADINGS.join()
  })
  assert.deepEqual(faults, [])
})
