/**
 * An event in the parameters of an address, as ad servers and e-mails send it:
 *
 *     /v1/pixel.gif?key=…&campaign_id=spring&country=DE
 *
 * Every field of an event is a parameter. An empty one counts as absent, since that is what many
 * servers make of a value they do not have. Of several with one name the last counts. Other
 * parameters are ignored.
 */
import { EVENT_COLUMNS } from '../event.ts'

type QueryEvent = Readonly<{
  bytes: Uint8Array
  /** A required field holds a macro that the ad server has not replaced. */
  hasMacro: boolean
}>

/** What stands in for required fields that are absent; there is none for `campaign_id`. */
type QueryDefaults = Readonly<Record<'event_id' | 'user_id' | 'event_type' | 'timestamp', string>>

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const REQUIRED: ReadonlySet<string> = new Set([
  'event_id',
  'user_id',
  'campaign_id',
  'event_type',
  'timestamp',
])
/** `%%SITE%%`, `${GDPR}`, `{gclid}`, `{{ad.id}}`. */
const MACRO = /%%\w+%%|\$?\{[a-z_][\w.:]*\}/i
/** Without one of these, as they are or encoded, there is no macro: what most addresses are. */
const MACRO_SIGN = /[[{%]/
/** `[CACHEBUSTER]`, `[timestamp]`; in a campaign's name, brackets may be part of it. */
const BRACKETS = /\[[A-Z][A-Z0-9_]+\]/i
const ONLY_BRACKETS = /^\[[A-Z][A-Z0-9_]+\]$/i

/** `url`: path and query. */
export function readQueryEvent(url: string, defaults: QueryDefaults): QueryEvent {
  const cut = url.indexOf('?')
  const query = cut === -1 ? '' : url.slice(cut + 1)
  // As sent: decoding turns the `%CA` of `%%CACHEBUSTER%%` into something else.
  const sent = query.split('&').filter((pair) => pair !== '')
  const fields = new Map<string, string>(Object.entries(defaults))
  const macros = new Set<string>()
  const mayHoldMacro = MACRO_SIGN.test(query)
  for (const [at, [name, value]] of [...new URLSearchParams(query)].entries()) {
    if (value === '' || !EVENT_COLUMNS.includes(name)) continue
    fields.set(name, value)
    const isMacro = mayHoldMacro && (holdsMacro(name, value) || MACRO.test(sent[at] ?? ''))
    if (isMacro && REQUIRED.has(name)) macros.add(name)
    else macros.delete(name)
  }
  const members = [...fields].map(([name, value]) => `"${name}":${jsonOf(name, value)}`)
  return { bytes: Buffer.from(`{${members.join(',')}}`), hasMacro: macros.size > 0 }
}

function holdsMacro(name: string, value: string): boolean {
  return MACRO.test(value) || (name === 'campaign_id' ? ONLY_BRACKETS : BRACKETS).test(value)
}

/** What is no number goes on as text, so that the event is rejected for it. */
function jsonOf(name: string, value: string): string {
  return name === 'revenue' && JSON_NUMBER.test(value) ? value : JSON.stringify(value)
}
