/**
 * JSON with integers of 64 bits. Snapshot ids are random 63-bit numbers, and a JavaScript number would round them.
 * Uses JSON.rawJSON and the reviver's source text (ECMAScript "JSON.parse source text access").
 */

type SourceJson = Readonly<{
  rawJSON(text: string): object
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
}>

/** TypeScript's library does not declare the two yet; Node 24 has them. */
const json = JSON as unknown as SourceJson

/** An integer for JSON.stringify, digit by digit. */
export function rawInteger(value: bigint): object {
  return json.rawJSON(String(value))
}

/** Parses JSON; numbers under the given keys become bigints. */
export function parseExact(text: string, bigintKeys: readonly string[]): unknown {
  const exact = new Set(bigintKeys)
  return json.parse(text, (key, value, { source }) =>
    typeof value === 'number' && source !== undefined && exact.has(key) ? BigInt(source) : value,
  )
}
