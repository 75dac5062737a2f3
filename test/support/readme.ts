/** The lines of README's "Send events", as its reader copies them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '../..')

/** The first fenced block behind `lead`, in the section "Send events". */
export function readmeLines(lead: string): string {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const section = readme.split(/^## /m).find((each) => each.startsWith('Send events\n')) ?? ''
  const from = section.indexOf(lead)
  assert.ok(from !== -1, `README's "Send events" has no ${JSON.stringify(lead)}`)
  const [, lines] = /^```\w*\n(.*?)^```/ms.exec(section.slice(from)) ?? []
  assert.ok(lines !== undefined, `no lines follow ${JSON.stringify(lead)}`)
  return lines
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
