/** How many windows were ever amended: kept in the summaries of our commits, between Flink's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amendedIn, amendedSummary } from '../../../src/flink/upkeep/amend-view.ts'
import type { TableView } from '../../../src/table.ts'

/** Newest first, as `historyOf` gives it. */
function view(...summaries: readonly Readonly<Record<string, string>>[]): TableView {
  return { history: summaries.map((summary) => ({ summary })) } as unknown as TableView
}

test('what is amended is added to what was before, also past commits of Flink', () => {
  const none = amendedIn(view({ 'flink.job-id': 'a' }))
  assert.deepEqual(none, { windows: 0, lateEvents: 0 })
  const first = amendedSummary(none, { windows: 2, lateEvents: 5 })
  const later = view({ 'flink.job-id': 'a' }, first, { 'flink.job-id': 'a' })
  assert.deepEqual(amendedIn(later), { windows: 2, lateEvents: 5 })
  const second = amendedSummary(amendedIn(later), { windows: 1, lateEvents: 1 })
  assert.deepEqual(second, {
    'campaign-metrics.amended-windows': '3',
    'campaign-metrics.late-events': '6',
  })
})
