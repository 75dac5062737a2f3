/** axe-core over a page as it stands: WCAG 2.2 A and AA, and its best practices. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import type { Page } from 'playwright-core'

const AXE_PATH = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const NODES_SHOWN = 4

export type Violation = Readonly<{ rule: string; nodes: readonly string[] }>

export async function findViolations(page: Page): Promise<readonly Violation[]> {
  if (!(await page.evaluate(() => 'axe' in window)))
    await page.evaluate(await readFile(AXE_PATH, 'utf8'))
  return await page.evaluate(
    async ([tags, shown]) => {
      const { run } = Reflect.get(window, 'axe') as typeof axe
      const found = await run(document, { runOnly: { type: 'tag', values: tags } })
      return found.violations.map(({ id, help, nodes }) => ({
        rule: `${id}: ${help}`,
        nodes: nodes
          .slice(0, shown)
          .map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
      }))
    },
    [RULES, NODES_SHOWN] as [string[], number],
  )
}
