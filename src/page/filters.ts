/** The sticky filter bar: time range, filters, and a removable chip for each chosen value. */
import {
  type CampaignsAnswer,
  type EventFilterId,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  type ValuesAnswer,
} from '../dashboard-definition.ts'
import type { ApiClient } from './api-client.ts'
import {
  campaignIdText,
  campaignText,
  isCampaignFound,
  onNames,
  openCampaignElement,
} from './campaign-name.ts'
import { type Choice, openChoicePicker } from './choice-picker.ts'
import { element, icon, placeChildren, setAttribute } from './element.ts'
import type { Format } from './format.ts'
import { openRangePicker } from './range-picker.ts'
import {
  isValueFound,
  openValueNames,
  type ValueName,
  type ValueNames,
  valueElements,
} from './value-names.ts'
import { DEFAULT_VIEW, hasFilters, rangeParameters, type View, type ViewStore } from './view.ts'

type FiltersOptions = Readonly<{
  client: ApiClient
  store: ViewStore
  format: Format
  nowMs: () => number
}>

/** How many campaigns are offered at once; the search finds the others. */
const CAMPAIGNS_OFFERED = 50

export function openFilters({ client, store, format, nowMs }: FiltersOptions): HTMLElement {
  const valueNames = openValueNames(format.locale)
  const set = (id: FilterId, chosen: readonly string[]): void => {
    store.change({ filters: { ...store.current().filters, [id]: chosen }, page: 1 })
  }
  const ranges = openRangePicker({
    format,
    weekStart: store.current().weekStart ?? 1,
    nowMs,
    onChange: (range) => store.change({ range, page: 1 }),
  })
  const pickers = FILTER_IDS.map((id) => ({
    id,
    picker: openChoicePicker({
      id,
      ...FILTERS[id],
      find: (search, signal) =>
        id === 'campaign'
          ? findCampaigns(client, store.current(), search, signal, format)
          : findValues(client, store.current(), id, search, signal, valueNames),
      isFound:
        id === 'campaign'
          ? isCampaignFound
          : (value, search) => isValueFound(valueNames(id, value), search),
      nameOf: (value) =>
        id === 'campaign'
          ? openCampaignElement(value).element
          : element('span', { class: 'value-name' }, ...valueElements(valueNames(id, value))),
      onChange: (chosen) => set(id, chosen),
    }),
  }))

  const chips = element('ul', { class: 'chips', attributes: { 'aria-label': 'Active filters' } })
  const clear = element('button', {
    class: 'button button-quiet',
    text: 'Clear filters',
    attributes: { type: 'button', 'data-clear-filters': true },
    on: { click: () => store.change({ filters: DEFAULT_VIEW.filters, page: 1 }) },
  })
  const chosen = element('div', { class: 'chosen' }, chips, clear)
  const known = new Map<string, HTMLElement>()
  const nameOf = (id: FilterId, value: string): ValueName =>
    id === 'campaign' ? { text: campaignText(value), code: '' } : valueNames(id, value)
  const chip = (id: FilterId, value: string): HTMLElement => {
    const key = `${id}:${value}`
    const made =
      known.get(key) ??
      chipElement(id, value, nameOf(id, value), () => removeChosen(store, id, value))
    known.set(key, made)
    return made
  }

  const show = (view: View): void => {
    ranges.setRange(view.range)
    for (const { id, picker } of pickers) picker.setChosen(view.filters[id])
    const shown = FILTER_IDS.flatMap((id) => view.filters[id].map((value) => chip(id, value)))
    placeChildren(chips, shown)
    for (const [key, made] of known) if (!shown.includes(made)) known.delete(key)
    chosen.hidden = !hasFilters(view)
  }
  show(store.current())
  store.onChange(show)
  onNames(() => {
    known.clear()
    show(store.current())
  })

  return element(
    'section',
    { class: 'filter-bar', attributes: { 'aria-label': 'Time range and filters' } },
    element(
      'div',
      { class: 'filter-bar-inner' },
      ranges.element,
      element('div', { class: 'filters' }, ...pickers.map(({ picker }) => picker.element)),
      chosen,
    ),
  )
}

function removeChosen(store: ViewStore, id: FilterId, value: string): void {
  const { filters } = store.current()
  const left = filters[id].filter((other) => other !== value)
  store.change({ filters: { ...filters, [id]: left }, page: 1 })
}

function chipElement(
  id: FilterId,
  value: string,
  valueName: ValueName,
  onRemove: () => void,
): HTMLElement {
  const { text } = valueName
  const [name, code] = valueElements(valueName)
  if (id === 'campaign') setAttribute(name, 'title', titleOf(value))
  const remove = element(
    'button',
    {
      class: 'chip-remove',
      attributes: { type: 'button', 'aria-label': `Remove ${FILTERS[id].label} ${text}` },
      on: { click: onRemove },
    },
    icon('close'),
  )
  return element(
    'li',
    { class: 'chip', attributes: { 'data-chip': `${id}:${value}` } },
    element('span', { class: 'chip-label', text: FILTERS[id].label }),
    name,
    code,
    remove,
  )
}

/** A chip has no room for the id. */
function titleOf(campaign: string): string {
  const id = campaignIdText(campaign)
  return id === '' ? campaignText(campaign) : `${campaignText(campaign)}\n${id}`
}

/** Of the shown range, regardless of other filters, the largest first. */
async function findCampaigns(
  client: ApiClient,
  view: View,
  search: string,
  signal: AbortSignal,
  format: Format,
): Promise<readonly Choice[] | null> {
  const asked = rangeOnly(view)
  asked.set('size', String(CAMPAIGNS_OFFERED))
  if (search !== '') asked.set('search', search)
  const result = await client.get<CampaignsAnswer>(`campaigns?${asked}`, signal)
  if (result.kind !== 'answer') return null
  return result.answer.rows.map(({ campaign, impressions }) => ({
    value: campaign,
    note: format.compact('impressions', impressions),
  }))
}

async function findValues(
  client: ApiClient,
  view: View,
  id: EventFilterId,
  search: string,
  signal: AbortSignal,
  nameOf: ValueNames,
): Promise<readonly Choice[] | null> {
  const result = await client.get<ValuesAnswer>(`values?${rangeOnly(view)}`, signal)
  if (result.kind !== 'answer') return null
  return result.answer[id]
    .filter((value) => isValueFound(nameOf(id, value), search))
    .map((value) => ({ value, note: '' }))
}

function rangeOnly(view: View): URLSearchParams {
  return rangeParameters({ ...view, filters: DEFAULT_VIEW.filters })
}
