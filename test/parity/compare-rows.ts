/**
 * Holds the rows of a table against those that must stand in it, each to the last bit and each
 * once.
 */
import { createReadStream } from 'node:fs'

export type RowDifferences = Readonly<{
  rows: number
  missing: number
  tooMany: number
  differing: number
  twice: number
  /** The first of them, in words. */
  examples: readonly string[]
}>

const EXAMPLES_MAX = 20

export async function compareRows(
  file: string,
  expected: ReadonlyMap<string, string>,
  keyOf: (row: readonly unknown[]) => string,
): Promise<RowDifferences> {
  const seen = new Set<string>()
  const found = { rows: 0, missing: 0, tooMany: 0, differing: 0, twice: 0 }
  const examples: string[] = []
  const note = (kind: 'missing' | 'tooMany' | 'differing' | 'twice', text: string): void => {
    found[kind] += 1
    if (examples.length < EXAMPLES_MAX) examples.push(`${kind}: ${text}`)
  }
  for await (const line of linesOfFile(file)) {
    found.rows += 1
    const key = keyOf(JSON.parse(line) as unknown[])
    const row = expected.get(key)
    if (seen.has(key)) note('twice', line)
    else if (row === undefined) note('tooMany', line)
    else if (row !== line) note('differing', `${line} instead of ${row}`)
    seen.add(key)
  }
  for (const [key, row] of expected) if (!seen.has(key)) note('missing', row)
  return { ...found, examples }
}

export function areEqual({ missing, tooMany, differing, twice }: RowDifferences): boolean {
  return missing + tooMany + differing + twice === 0
}

export function inWords(table: string, differences: RowDifferences): string {
  const { rows, missing, tooMany, differing, twice, examples } = differences
  const counts = `${missing} missing, ${tooMany} too many, ${differing} differing, ${twice} twice`
  return [`${table}: ${rows} rows, ${counts}`, ...examples.map((text) => `  ${text}`)].join('\n')
}

/** The lines of a file of any size, without their ends. */
function linesOfFile(path: string): AsyncIterable<string> {
  // Only \n ends a line here: JSON texts may hold U+2028 and U+0085 as they are.
  return splitLines(createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 }))
}

async function* splitLines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
