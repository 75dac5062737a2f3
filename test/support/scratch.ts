/** Empty folders for files of a test, outside the repository. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

type Owner = Readonly<{ after(clean: () => void): void }>

/** Goes with its owner: a test, or else the file of tests that asks for it while it is loaded. */
export function makeScratchFolder(name: string, owner: Owner = { after }): string {
  const path = mkdtempSync(join(tmpdir(), `campaign-metrics-${name}-`))
  owner.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
