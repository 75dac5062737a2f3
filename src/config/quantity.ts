/** Durations (`5m`) and sizes (`1GiB`) as people write them, turned into milliseconds and bytes. */

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** Milliseconds of `250ms`, `1s`, `5m`, `1h`, `90d` or `0`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = /^(\d{1,12}) ?(ms|s|m|h|d)$/.exec(text.trim())
  const unitMs = DURATION_UNITS_MS[parts?.[2] ?? '']
  return unitMs === undefined ? undefined : safe(Number(parts?.[1]) * unitMs)
}

/**
 * Bytes of `1GiB`, `512MiB`, `10GB` (powers of ten) or a plain number; undefined for anything else.
 */
export function parseSize(text: string): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?i?b)?$/i.exec(text.trim())
  const unitBytes = SIZE_UNITS_BYTES[(parts?.[2] ?? 'b').toLowerCase()]
  if (parts === null || unitBytes === undefined) return undefined
  return safe(Math.round(Number(parts[1]) * unitBytes))
}

/** The shortest way to write a duration, for messages: 300000 is `5m`. */
export function durationText(durationMs: number): string {
  const units = Object.entries(DURATION_UNITS_MS).reverse()
  const [unit, unitMs] = units.find(([, ms]) => durationMs % ms === 0) ?? ['ms', 1]
  return durationMs === 0 ? '0' : `${durationMs / unitMs}${unit}`
}

/** The shortest exact way to write a size, for messages: 1073741824 is `1GiB`. */
export function sizeText(sizeBytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const unitBytes = SIZE_UNITS_BYTES[unit.toLowerCase()] ?? 1
    if (sizeBytes > 0 && sizeBytes % unitBytes === 0) return `${sizeBytes / unitBytes}${unit}`
  }
  return `${sizeBytes}B`
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined
}
