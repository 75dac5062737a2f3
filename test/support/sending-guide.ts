/** The lines of README's "Send events" and of docs/sending.md, as their reader copies them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '../..')

/** Of README's "Send events", the first fenced block behind `lead`. */
export function readmeLines(lead: string): string {
  return linesOf('README.md', 'Send events', lead)
}

/** Of a section of docs/sending.md, the first fenced block in a language; of commands in ''. */
export function guideLines(section: string, language: string): string {
  return linesOf('docs/sending.md', section, `\n\n\`\`\`${language}\n`)
}

function linesOf(document: string, heading: string, lead: string): string {
  const text = readFileSync(join(ROOT, document), 'utf8')
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? ''
  const from = section.indexOf(lead)
  assert.ok(from !== -1, `${document}, ${heading}: there is no ${JSON.stringify(lead)}`)
  const [, lines] = /^```\w*\n(.*?)^```/ms.exec(section.slice(from)) ?? []
  assert.ok(lines !== undefined, `${document}, ${heading}: no lines follow ${lead}`)
  return lines
}

/** The arguments of a documented command, without `npx campaign-metrics`. */
export function commandWords(lines: string): readonly string[] {
  const words = lines.trim().replaceAll('\\\n', ' ').split(/ +/)
  assert.deepEqual(words.slice(0, 2), ['npx', 'campaign-metrics'])
  return words.slice(2)
}

/** The SDK where a program in `folder` imports it from. */
export async function installSdk(folder: string): Promise<string> {
  const place = join(folder, 'node_modules/campaign-metrics-sdk')
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
  await build({
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    build: {
      outDir: place,
      emptyOutDir: false,
      lib: { entry: join(ROOT, 'sdk/src/index.ts'), formats: ['es'], fileName: 'index' },
    },
  })
  return join(place, 'index.js')
}
