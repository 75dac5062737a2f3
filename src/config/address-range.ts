/** Addresses of proxies, one by one or as a range in CIDR notation: `10.0.0.0/8` is all that begin with the same 8 bits. */

import { isIP } from 'node:net'
import { Refusal, shown } from './field.ts'

/** A single address has all its bits for a prefix. */
export type AddressRange = Readonly<{ address: string; prefix: number; family: 'ipv4' | 'ipv6' }>

const RANGES_MAX = 1000
const RANGE = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i
const BITS = { ipv4: 32, ipv6: 128 } as const

export function readAddressRanges(value: unknown): readonly AddressRange[] | Refusal {
  if (!Array.isArray(value)) return new Refusal(`${shown(value)} is not a list`)
  if (value.length > RANGES_MAX) return new Refusal(`more than ${RANGES_MAX} addresses`)
  const ranges: AddressRange[] = []
  for (const text of value) {
    const range = typeof text === 'string' ? rangeOf(text.trim()) : undefined
    if (range === undefined) return new Refusal(`${shown(text)} is neither an address nor a range`)
    ranges.push(range)
  }
  return ranges
}

function rangeOf(text: string): AddressRange | undefined {
  const [, address = '', bits] = RANGE.exec(text) ?? []
  const version = isIP(address)
  if (version === 0) return undefined
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const prefix = bits === undefined ? BITS[family] : Number(bits)
  return prefix <= BITS[family] ? { address, prefix, family } : undefined
}
