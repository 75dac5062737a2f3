/** What the reader's browser says about the reader: zone and the first day of the week. */
import { isZone, type SettingsAnswer, WEEKDAYS, type Weekday } from '../dashboard-definition.ts'

/** null where the browser does not tell, or tells an offset. */
export function readZone(): string | null {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  return timeZone !== undefined && isZone(timeZone) ? timeZone : null
}

/** As configured, or as the reader's language says. */
export function readWeekStart(configured: SettingsAnswer['weekStart'], locale: string): Weekday {
  if (configured === null) return weekStartOf(locale)
  return (WEEKDAYS.indexOf(configured) + 1) as Weekday // Monday is 1
}

type LocaleWithWeek = Intl.Locale &
  Readonly<{
    getWeekInfo?: () => Readonly<{ firstDay: number }>
    weekInfo?: Readonly<{ firstDay: number }>
  }>

/**
 * Of the territories of CLDR (supplemental data, `firstDay`); in all others it is Monday. For
 * browsers that do not know it, such as Firefox.
 */
const TERRITORIES: readonly Readonly<{ day: Weekday; names: string }>[] = [
  { day: 5, names: 'MV' },
  { day: 6, names: 'AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY' },
  {
    day: 7,
    names:
      'AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN IS JM JP KE KH KR LA MH MM MO ' +
      'MT MX MZ NI NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW',
  },
]

/** With which day weeks begin for readers of a language. */
export function weekStartOf(locale: string): Weekday {
  const known: LocaleWithWeek = new Intl.Locale(locale)
  const firstDay = known.getWeekInfo?.().firstDay ?? known.weekInfo?.firstDay
  return firstDay === undefined ? weekStartByTerritory(locale) : (firstDay as Weekday) // 1 to 7
}

export function weekStartByTerritory(locale: string): Weekday {
  const { region } = new Intl.Locale(locale).maximize()
  const found = TERRITORIES.find(({ names }) => names.split(' ').includes(region ?? ''))
  return found?.day ?? 1
}
