/** The lines of a file of any size, without their ends. */
import { createReadStream } from 'node:fs'

export function linesOfFile(path: string): AsyncIterable<string> {
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
