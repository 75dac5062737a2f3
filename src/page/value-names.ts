/** How values of platform, country and device are called: countries in the reader's language. */
import type { EventFilterId } from '../dashboard-definition.ts'
import { isFound, nameElement, valueText } from './campaign-name.ts'
import { element } from './element.ts'

export type ValueName = Readonly<{
  text: string
  /** The value itself where `text` is its translation; '' where `text` is the value. */
  code: string
}>

export type ValueNames = (id: EventFilterId, value: string) => ValueName

/** ISO 3166-1 alpha-2, in either case. */
const COUNTRY_CODE = /^[a-z]{2}$/i

export function openValueNames(locale: string): ValueNames {
  const regions = new Intl.DisplayNames(locale, { type: 'region', fallback: 'none' })
  return (id, value) => {
    const country =
      id === 'country' && COUNTRY_CODE.test(value) ? regions.of(value.toUpperCase()) : undefined
    return country === undefined
      ? { text: valueText(value), code: '' }
      : { text: country, code: value }
  }
}

/** The name, and the code where there is one. */
export function valueElements({
  text,
  code,
}: ValueName): readonly [HTMLElement, HTMLElement | null] {
  return [
    nameElement(text),
    code === '' ? null : element('bdi', { class: 'value-code', text: code }),
  ]
}

/** Whether a search for `wanted` finds the value, by its name or its code. */
export function isValueFound({ text, code }: ValueName, wanted: string): boolean {
  return isFound(text, wanted) || isFound(code, wanted)
}
