/** Addresses: the one to listen on, `host:port`, and those of proxies, one by one or as a range. */
import { BlockList, isIP } from 'node:net'

export type ListenAddress = Readonly<{ host: string; port: number }>

const PORT_MAX = 65_535
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** `127.0.0.1:8088`, `[::1]:8088` or `localhost:8088`; undefined for anything else. */
export function parseListen(text: string): ListenAddress | undefined {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/.exec(text.trim())
  if (parts === null) return undefined
  const [, v6, name, portText] = parts
  const port = Number(portText)
  if (port > PORT_MAX || (v6 !== undefined && isIP(v6) !== 6)) return undefined
  const host = v6 ?? name ?? ''
  // Digits and dots that are no address would be looked up as a name, slowly and in vain.
  if (v6 === undefined && /^[\d.]+$/.test(host) && isIP(host) !== 4) return undefined
  return { host, port }
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const family = isIP(host)
  return family !== 0 && LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Addresses of proxies in CIDR notation: `10.0.0.0/8` is all that begin with the same 8 bits. A
 * single address has all its bits for a prefix.
 */
export type AddressRange = Readonly<{ address: string; prefix: number; family: 'ipv4' | 'ipv6' }>

const RANGE = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i
const BITS = { ipv4: 32, ipv6: 128 } as const

/** Undefined for anything else. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [, address = '', bits] = RANGE.exec(text.trim()) ?? []
  const version = isIP(address)
  if (version === 0) return undefined
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const prefix = bits === undefined ? BITS[family] : Number(bits)
  return prefix <= BITS[family] ? { address, prefix, family } : undefined
}
