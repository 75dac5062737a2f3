/**
 * What figures can be filtered by, defined once. The API's parameters, the page's pickers and
 * address, the SQL of the sums and the Superset bundle are made from it. A new filter is an id and
 * an entry here; its column must be one of campaign_events, and openapi.json must describe it.
 */

/** A filter over a column that only the raw events have. */
export type EventFilterId = 'platform' | 'country' | 'device'

export type FilterId = 'campaign' | EventFilterId

type Filter = Readonly<{
  /** The column of the table. */
  column: string
  label: string
  /** The name of the search field over its values. */
  searchLabel: string
  /** How many values can be chosen at once. */
  chosenMax: number
}>

/** In the order in which they are shown. */
export const FILTERS: Readonly<Record<FilterId, Filter>> = {
  campaign: {
    column: 'campaign_id',
    label: 'Campaign',
    searchLabel: 'Find a campaign',
    chosenMax: 50,
  },
  platform: {
    column: 'platform',
    label: 'Platform',
    searchLabel: 'Find a platform',
    chosenMax: 20,
  },
  country: {
    column: 'country',
    label: 'Country',
    searchLabel: 'Find a country',
    chosenMax: 20,
  },
  device: {
    column: 'device_type',
    label: 'Device',
    searchLabel: 'Find a device',
    chosenMax: 20,
  },
}

export const FILTER_IDS: readonly FilterId[] = Object.keys(FILTERS) as FilterId[] // the keys above
export const EVENT_FILTER_IDS: readonly EventFilterId[] = FILTER_IDS.filter(
  (id) => id !== 'campaign',
)

/** How many values of a column the server offers, and lists in a breakdown. */
export const OFFERED_VALUES_MAX = 200

/** A value for each filter over the raw events. */
export function mapEventFilters<T>(make: (id: EventFilterId) => T): Record<EventFilterId, T> {
  const entries = EVENT_FILTER_IDS.map((id) => [id, make(id)] as const)
  return Object.fromEntries(entries) as Record<EventFilterId, T> // of all ids
}
