/**
 * JSON in which whole numbers past 2^53 keep their digits: they become bigints (ECMAScript "JSON.parse source text
 * access"). Trino writes BIGINT as whole numbers and DOUBLE always with a point or an exponent, so the two are told
 * apart.
 */

type Revive = (key: string, value: unknown, context: { source?: string }) => unknown
/** TypeScript's library does not declare the context yet; Node 24 has it. */
const parse = JSON.parse as (text: string, revive?: Revive) => unknown

/** A number of 16 digits or more may stand here, or in a text that looks like it. */
const LONG_NUMBER = /[[,:]\s*-?\d{16}/
const WHOLE_NUMBER = /^-?\d+$/

export function parseNumbersExactly(text: string): unknown {
  // The reviver is called for each value, which costs more than the parsing itself.
  if (!LONG_NUMBER.test(text)) return parse(text)
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    WHOLE_NUMBER.test(source)
      ? BigInt(source)
      : value,
  )
}
