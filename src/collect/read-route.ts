/**
 * A part of the API under its own prefix, as another room brings it: what it is asked, and what it
 * answers. All of it needs the right to read; what else a request may do, its route decides.
 */
import type { Readable } from 'node:stream'
import { type RefusalBody, writeRefusalBody } from './refusal.ts'

export type ReadRoute = Readonly<{
  /** `/iceberg` serves `/iceberg` and everything below it, for every method. */
  prefix: string
  /** Serves its prefix alone, and nothing below it. */
  isExact?: boolean
  /**
   * `open`: for everyone who reaches the port, as a page must be that asks for a key. Default:
   * `read`.
   */
  access?: 'read' | 'open'
  /** Bodies of its requests are read up to this size; default: they are discarded unread. */
  bodyBytesMax?: number
  /** Its large answers are sent compressed with gzip to clients that accept it. */
  isCompressed?: boolean
  /** How everything that is refused below its prefix is written; default: like everywhere else. */
  refusalBody?: RefusalBody
  answer(request: ReadRequest): ReadAnswer | Promise<ReadAnswer>
}>

export type ReadRequest = Readonly<{
  method: string
  /** As it was sent, undecoded and without the query: `/iceberg/v1/namespaces/a%1Fb`. */
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** Empty where there is none, or where the route has no `bodyBytesMax`. */
  body: Uint8Array
  /** A key for the tables was sent. */
  mayChangeTables: boolean
}>

export type ReadAnswer = Readonly<{
  status: number
  /** Default: `content-type: application/json`. */
  headers?: Readonly<Record<string, string>>
  /**
   * A stream goes on until its source or the collector ends it, at the pace at which the client
   * reads.
   */
  body: string | Uint8Array | Readable | null
}>

/** The route that a request's target lies below, whether or not it names anything there. */
export function routeOf<T extends Pick<ReadRoute, 'prefix' | 'isExact'>>(
  routes: readonly T[],
  target: string | undefined,
): T | undefined {
  const path = (target ?? '').replace(ORIGIN, '').replace(/[?#].*$/s, '')
  const below = routes.filter(
    ({ prefix, isExact }) => path === prefix || (isExact !== true && path.startsWith(`${prefix}/`)),
  )
  return below.toSorted((a, b) => b.prefix.length - a.prefix.length)[0]
}

/** Of a target in absolute form, valid or not. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i

/** How refusals are written for a request's target. */
export function refusalBodyFor(
  routes: readonly Pick<ReadRoute, 'prefix' | 'isExact' | 'refusalBody'>[],
): (target: string | undefined) => RefusalBody {
  return (target) => routeOf(routes, target)?.refusalBody ?? writeRefusalBody
}
