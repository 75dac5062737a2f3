/**
 * JSON with integers of 64 bits, which a JavaScript number would round: ids of snapshots are random
 * 63-bit numbers. Uses JSON.rawJSON and the reviver's source text (ECMAScript "JSON.parse source
 * text access").
 */
/** A number of JSON as it was written; JSON.stringify writes it so again. */
export type NumberText = Readonly<{ rawJSON: string }>

type SourceJson = Readonly<{
  rawJSON(text: string): NumberText
  isRawJSON(value: unknown): value is NumberText
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
}>

/** TypeScript's library does not declare the two yet; Node 24 has them. */
const json = JSON as unknown as SourceJson

/** Serialises with bigints as integers, digit by digit. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? json.rawJSON(String(each)) : each,
  )
}

/**
 * Parses JSON. Numbers under the given keys become bigints, and so do integers anywhere that a
 * number would round: what other programs have written is written back unchanged.
 */
export function parseExact(text: string, bigintKeys: readonly string[] = []): unknown {
  const exact = new Set(bigintKeys)
  return json.parse(text, (key, value, { source }) => {
    if (typeof value !== 'number' || source === undefined) return value
    const isLarge = !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    return exact.has(key) || isLarge ? BigInt(source) : value
  })
}

/** Parses JSON; every number stays as it was written. */
export function parseNumberTexts(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? json.rawJSON(source) : value,
  )
}

/** `text` must be a number of JSON. */
export function numberText(text: string): NumberText {
  return json.rawJSON(text)
}

/** Null: not such a number. */
export function textOfNumber(value: unknown): string | null {
  return json.isRawJSON(value) ? value.rawJSON : null
}
