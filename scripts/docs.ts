/**
 * Writes the generated pages of docs/; with --check it only says which are not current, and fails.
 * usage: node scripts/docs.ts [--check]
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { commandsPage } from '../src/cli/documentation.ts'
import { configurationPage } from '../src/config.ts'

const ROOT = new URL('../', import.meta.url)
const PAGES: Readonly<Record<string, () => string>> = {
  'docs/cli.md': commandsPage,
  'docs/configuration.md': configurationPage,
}

const isCheck = process.argv.includes('--check')
for (const [path, write] of Object.entries(PAGES)) {
  const file = new URL(path, ROOT)
  const page = write()
  if (existsSync(file) && readFileSync(file, 'utf8') === page) continue
  if (isCheck) {
    console.error(`${path} is not current; \`npm run docs\` writes it anew`)
    process.exitCode = 1
  } else {
    writeFileSync(file, page)
    console.log(`wrote ${path}`)
  }
}
