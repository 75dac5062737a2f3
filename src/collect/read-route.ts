/**
 * A read-only part of the API under its own prefix, as another room brings it: what it is asked,
 * and what it answers.
 */
import type { Readable } from 'node:stream'

export type ReadRoute = Readonly<{
  /**
   * `/iceberg` serves `/iceberg` and everything below it, for every method; `/` serves itself
   * alone.
   */
  prefix: string
  /**
   * `open`: for everyone who reaches the port, as a page must be that asks for a key. Default:
   * `read`.
   */
  access?: 'read' | 'open'
  answer(request: ReadRequest): ReadAnswer | Promise<ReadAnswer>
}>

export type ReadRequest = Readonly<{
  method: string
  /** As it was sent, undecoded and without the query: `/iceberg/v1/namespaces/a%1Fb`. */
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string | string[] | undefined>>
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
