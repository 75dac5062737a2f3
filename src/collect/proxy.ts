/**
 * What a proxy in front reports about its client: the name by which the client reached it, whether
 * by TLS, and the client's address. Only trusted addresses are believed (`proxy.trust`), since
 * anybody can send these headers.
 *
 *     X-Forwarded-For     client, proxy            the usual one; each proxy appends its peer
 *     X-Forwarded-Host    ads.example
 *     X-Forwarded-Proto   https, http
 *     Forwarded           for=client;host=ads.example;proto=https, for=proxy         (RFC 7239)
 *
 * Lists are read from the right, where the nearest proxy writes: each trusted address vouches for
 * the entry to its left. So the client is the rightmost address that is not trusted, and it may
 * have invented the entries left of it. Where both kinds of headers give a value, X-Forwarded-…
 * counts.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Addresses that share their first `prefix` bits. */
export type AddressRange = Readonly<{ address: string; prefix: number; family: 'ipv4' | 'ipv6' }>

/** A request as the client sent it, before any proxy that is trusted. */
export type ClientSide = Readonly<{
  /** Host and port as the client named them; undefined = it named none. */
  host: string | undefined
  /** undefined = no trusted proxy has named it. */
  scheme: 'http' | 'https' | undefined
  /** undefined = the connection is already closed. */
  address: string | undefined
}>

/** The part of a request that describes its client. */
export type ProxiedRequest = Readonly<{
  headers: IncomingHttpHeaders
  socket: Readonly<{ remoteAddress?: string | undefined }>
}>

export type ReadClientSide = (request: ProxiedRequest) => ClientSide

const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
const MAPPED = /^::ffff:(?=\d+\.)/i
/** A node of the headers: an address, maybe in brackets, maybe with a port. */
const NODE = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d+)?$/i
/** RFC 7239, 4: elements between commas, pairs between semicolons; both may occur inside quotes. */
const ARE_QUOTES_CLOSED = /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/
const ELEMENT = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g
const PAIR = /([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))/g

export function createClientSide(trusted: readonly AddressRange[]): ReadClientSide {
  const ranges = new BlockList()
  for (const { address, prefix, family } of trusted) ranges.addSubnet(address, prefix, family)
  const isTrusted = (address: string) =>
    ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  return ({ headers, socket }) => {
    const address = plainAddress(socket.remoteAddress ?? '')
    const direct: ClientSide = { host: headers.host, scheme: undefined, address }
    if (address === undefined || !isTrusted(address)) return direct
    const lists = fromLists(headers, isTrusted)
    const elements = fromElements(headers, isTrusted)
    return {
      host: lists.host ?? elements.host ?? direct.host,
      scheme: lists.scheme ?? elements.scheme,
      address: lists.address ?? elements.address ?? address,
    }
  }
}

type IsTrusted = (address: string) => boolean

function fromLists(headers: IncomingHttpHeaders, isTrusted: IsTrusted): Partial<ClientSide> {
  const { address, hops } = walk(entriesOf(headers['x-forwarded-for']), isTrusted)
  const of = (name: string) => outermost(entriesOf(headers[name]), hops)[0]
  return {
    host: hostOf(of('x-forwarded-host')),
    scheme: schemeOf(of('x-forwarded-proto')),
    address,
  }
}

/** An element without a host or scheme takes that of the next nearer proxy. */
function fromElements({ forwarded = '' }: IncomingHttpHeaders, isTrusted: IsTrusted) {
  // With an unclosed quote nothing is certain, and the search would start again at each quote.
  const text = ARE_QUOTES_CLOSED.test(forwarded) ? forwarded : ''
  const elements = [...text.matchAll(ELEMENT)].map(([element]) => pairsOf(element))
  const { address, hops } = walk(
    elements.map((element) => element.get('for') ?? ''),
    isTrusted,
  )
  const of = (name: string) =>
    outermost(elements, hops)
      .map((element) => element.get(name))
      .find((value) => value !== undefined)
  return { host: hostOf(of('host')), scheme: schemeOf(of('proto')), address }
}

/**
 * The client's address, undefined where none is named; and the number of trusted proxies, including
 * the connected one.
 */
function walk(
  nodes: readonly string[],
  isTrusted: IsTrusted,
): Readonly<{ address: string | undefined; hops: number }> {
  let address: string | undefined
  let hops = 1
  for (const node of nodes.toReversed()) {
    const named = plainAddress(node)
    // `unknown`, or a name made up by a proxy: it may be anybody.
    if (named === undefined) break
    address = named
    if (!isTrusted(named)) break
    hops += 1
  }
  return { address, hops }
}

/**
 * The entries of the trusted proxies, the outermost first. A proxy that only passes a list on has
 * none.
 */
function outermost<Entry>(entries: readonly Entry[], hops: number): readonly Entry[] {
  return entries.slice(Math.max(0, entries.length - hops))
}

function entriesOf(header: string | string[] | undefined): readonly string[] {
  if (header === undefined) return []
  const text = Array.isArray(header) ? header.join(',') : header
  return text.split(',').map((entry) => entry.trim())
}

function pairsOf(element: string): ReadonlyMap<string, string> {
  const pairs = [...element.matchAll(PAIR)].map(
    ([, name = '', quoted, token = '']) =>
      [name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token] as const,
  )
  return new Map(pairs)
}

function hostOf(text: string | undefined): string | undefined {
  return text !== undefined && HOST.test(text) ? text : undefined
}

function schemeOf(text: string | undefined): ClientSide['scheme'] {
  const scheme = text?.toLowerCase()
  return scheme === 'http' || scheme === 'https' ? scheme : undefined
}

/**
 * Without brackets, port and zone; IPv4 that came through an IPv6 socket as IPv4. undefined = no
 * address.
 */
function plainAddress(text: string): string | undefined {
  const [, v6, v4] = NODE.exec(text) ?? []
  const address = (v6 ?? v4 ?? text).replace(/%.*$/, '').replace(MAPPED, '')
  return isIP(address) === 0 ? undefined : address
}
