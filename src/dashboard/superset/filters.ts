/**
 * The dashboard's filters: a range of time for everything but `realtime`, and campaigns for everything.
 *
 * "Last hour" would be cut to whole hours by Superset, and "Last 6 hours" is refused by it ("From date cannot be larger
 * than to date"); what DATEADD says holds to the second, in UTC, and is the same text for all viewers, so that they
 * share the cached answer.
 */
import { DEFAULT_RANGE, RANGES } from '../../dashboard-definition.ts'
import { datasetUuid } from './datasets.ts'
import { numberInBundle } from './layout.ts'

/** Campaigns to choose from are those of these days: the list is read at every opening of the page. */
const CAMPAIGN_DAYS = 7

export function filterConfiguration(): readonly unknown[] {
  const seconds = RANGES.find(({ id }) => id === DEFAULT_RANGE)?.seconds ?? 0
  return [timeFilter(lastText(seconds)), campaignFilter()]
}

/** The last so many seconds, as Superset's time ranges say it. */
export function lastText(seconds: number): string {
  const [count, unit] =
    seconds % 86_400 === 0
      ? [seconds / 86_400, 'day']
      : seconds % 3600 === 0
        ? [seconds / 3600, 'hour']
        : [seconds / 60, 'minute']
  return `DATEADD(DATETIME("now"), -${count}, ${unit}) : now`
}

const NATIVE = { cascadeParentIds: [], type: 'NATIVE_FILTER' }

function timeFilter(range: string) {
  return {
    ...NATIVE,
    id: 'NATIVE_FILTER-time',
    name: 'Time range',
    description: 'UTC; of windows, by their start. Real time always shows the last minutes.',
    filterType: 'filter_time',
    targets: [{}],
    controlValues: { enableEmptyFilter: false },
    defaultDataMask: {
      extraFormData: { time_range: range },
      filterState: { value: range },
    },
    scope: { rootPath: ['ROOT_ID'], excluded: [numberInBundle('realtime')] },
    tabsInScope: [],
  }
}

function campaignFilter() {
  return {
    ...NATIVE,
    id: 'NATIVE_FILTER-campaign',
    name: 'Campaign',
    description: `Campaigns with events in the last ${CAMPAIGN_DAYS} days`,
    filterType: 'filter_select',
    targets: [{ datasetUuid: datasetUuid('campaign_metrics'), column: { name: 'campaign_id' } }],
    controlValues: {
      enableEmptyFilter: false,
      defaultToFirstItem: false,
      multiSelect: true,
      searchAllOptions: true,
      inverseSelection: false,
      sortAscending: true,
    },
    adhoc_filters: [],
    time_range: lastText(CAMPAIGN_DAYS * 86_400),
    granularity_sqla: 'window_start',
    defaultDataMask: { extraFormData: {}, filterState: {}, ownState: {} },
    scope: { rootPath: ['ROOT_ID'], excluded: [] },
    tabsInScope: [],
  }
}
