/**
 * The dashboard's filters: a range of time for everything but `realtime`, and campaigns for
 * everything.
 *
 * Superset truncates "Last hour" to whole hours and refuses "Last 6 hours" ("From date cannot be
 * larger than to date"). DATEADD is exact to the second, in UTC, and the same text for all viewers,
 * so that they share cached answers.
 */
import { DEFAULT_RANGE, FILTERS, RANGES } from '../../dashboard-definition.ts'
import { datasetUuid } from './datasets.ts'
import { numberInBundle } from './layout.ts'

/** Campaigns of these days can be chosen: the list is read each time the page is opened. */
const CAMPAIGN_DAYS = 7

export function filterConfiguration(): readonly unknown[] {
  const seconds = RANGES.find(({ id }) => id === DEFAULT_RANGE)?.seconds ?? 0
  return [timeFilter(lastText(seconds)), campaignFilter()]
}

/** The last `seconds` in the syntax of Superset's time ranges. */
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
    name: FILTERS.campaign.label,
    description: `Campaigns with events in the last ${CAMPAIGN_DAYS} days`,
    filterType: 'filter_select',
    targets: [
      { datasetUuid: datasetUuid('campaign_metrics'), column: { name: FILTERS.campaign.column } },
    ],
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
