/**
 * Where each service listens natively: its ports of compose.yaml, in their order, counted from the
 * first port of the stack, on 127.0.0.1. Texts written for the containers' network (config files,
 * environment, commands) are rewritten:
 *
 *   kafka:9092, 0.0.0.0:9092        → 127.0.0.1:18000
 *   localhost:8088 (published)      → 127.0.0.1:18012
 *   rest.address: jobmanager        → rest.address: 127.0.0.1
 *   http-server.http.port=8080      → http-server.http.port=18009
 *
 * No two services expose the same port, so that a port alone says whose it is.
 */

import assert from 'node:assert/strict'
import type { ComposeFile } from './compose-file.ts'

export const HOST = '127.0.0.1'
/** So many ports, from the first one of a stack, are its own. */
export const PORTS_MAX = 20

export type AddressBook = Readonly<{
  /**
   * `127.0.0.1:port` of a service, by its port of compose.yaml; the first one where none is named.
   */
  address: (service: string, port?: number) => string
  rewrite: (text: string) => string
}>

export function openAddressBook({ services }: ComposeFile, portBase: number): AddressBook {
  const exposed = [...services.values()].flatMap(({ expose }) => expose)
  assert.equal(new Set(exposed).size, exposed.length, 'compose.yaml exposes a port twice')
  assert.ok(exposed.length <= PORTS_MAX, `compose.yaml exposes more than ${PORTS_MAX} ports`)
  const nativePort = (port: number): number => portBase + exposed.indexOf(port)

  const names = [...services.keys(), '0\\.0\\.0\\.0', 'localhost'].join('|')
  const ports = exposed.join('|')
  const address = new RegExp(`(?<![\\w.-])(?:${names}):(${ports})\\b`, 'g')
  const host = new RegExp(
    `((?:host|address|ip)['"]?\\s*[:=]\\s*['"]?)(?:${names})(?=['"]?\\s*$)`,
    'gim',
  )
  const port = new RegExp(`(port['"]?\\s*[:=]\\s*['"]?)(${ports})(?=['"]?\\s*$)`, 'gim')
  return {
    address: (service, port = services.get(service)?.expose[0]) => {
      const isExposed = port !== undefined && services.get(service)?.expose.includes(port)
      assert.ok(isExposed, `compose.yaml: ${service} exposes no port ${port ?? ''}`)
      return `${HOST}:${nativePort(port)}`
    },
    rewrite: (text) =>
      text
        .replaceAll(address, (_, digits) => `${HOST}:${nativePort(Number(digits))}`)
        .replaceAll(host, (_, before) => `${before}${HOST}`)
        .replaceAll(port, (_, before, digits) => `${before}${nativePort(Number(digits))}`),
  }
}
