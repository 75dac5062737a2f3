/**
 * The dashboard's filters: a range of time for everything but `realtime`; campaigns, and what only
 * events have, for everything.
 *
 * Superset truncates "Last hour" to whole hours and refuses "Last 6 hours" ("From date cannot be
 * larger than to date"). DATEADD is exact to the second, in UTC, and the same text for all viewers,
 * so that they share cached answers.
 */
import {
  DEFAULT_RANGE,
  EVENT_FILTER_IDS,
  FILTERS,
  type FilterId,
  RANGES,
} from '../../dashboard-definition.ts'
import { type DatasetName, datasetUuid } from './datasets.ts'
import { numberInBundle } from './layout.ts'

/** Campaigns of these days can be chosen: the list is read each time the page is opened. */
const CAMPAIGN_DAYS = 7
/** Fewer, because these lists are read from the raw events. */
const EVENT_DAYS = 1

/** `hasTemplates`: without Jinja, the metrics cannot be filtered by what only events have. */
export function filterConfiguration(hasTemplates: boolean): readonly unknown[] {
  const seconds = RANGES.find(({ id }) => id === DEFAULT_RANGE)?.seconds ?? 0
  return [
    timeFilter(lastText(seconds)),
    valueFilter('campaign', { dataset: 'campaign_metrics', time: 'window_start' }, CAMPAIGN_DAYS),
    ...(hasTemplates ? EVENT_FILTER_IDS : []).map((id) =>
      valueFilter(id, { dataset: 'campaign_events', time: 'timestamp' }, EVENT_DAYS),
    ),
  ]
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

function valueFilter(
  id: FilterId,
  { dataset, time }: Readonly<{ dataset: DatasetName; time: string }>,
  days: number,
) {
  const { column, label } = FILTERS[id]
  return {
    ...NATIVE,
    id: `NATIVE_FILTER-${id}`,
    name: label,
    description: `Values of the last ${days === 1 ? 'day' : `${days} days`}`,
    filterType: 'filter_select',
    targets: [{ datasetUuid: datasetUuid(dataset), column: { name: column } }],
    controlValues: {
      enableEmptyFilter: false,
      defaultToFirstItem: false,
      multiSelect: true,
      searchAllOptions: true,
      inverseSelection: false,
      sortAscending: true,
    },
    adhoc_filters: [],
    time_range: lastText(days * 86_400),
    granularity_sqla: time,
    defaultDataMask: { extraFormData: {}, filterState: {}, ownState: {} },
    scope: { rootPath: ['ROOT_ID'], excluded: [] },
    tabsInScope: [],
  }
}
