/** The address to listen on, `host:port`, and whether others than this machine can reach it. */

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
