/** How values of platform, country and device are called: countries in the reader's language. */
import type { EventFilterId } from '../dashboard-definition.ts'
import { valueText } from './campaign-name.ts'

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
