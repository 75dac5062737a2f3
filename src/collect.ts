/**
 * The collector: takes events over HTTP and answers when they are durable. It also serves what is
 * read over HTTP: health, metrics, status, and the routes of other rooms.
 *
 *     POST /v1/events        write key   events: a JSON object, a JSON array or NDJSON;
 *                        page key    plain, gzip or zstd; a page key: not every event
 *     GET  /v1/pixel.gif     page key    an event in the parameters; 404 without a page key
 *     GET  /v1/click         page key    the same, then a redirect to `to`, an origin of `redirects`
 *     GET  /healthz          open        200 or 503; the reasons with a read key
 *     GET  /metrics          read key    Prometheus text
 *     GET  /v1/status        read key    JSON
 *     GET  /v1/time          open        the time, and the dedupe horizon, for the SDK
 *     GET  /sdk.js           open        the SDK for pages, also as /sdk-HASH.js
 *     …    /api/v1/session   read key    POST signs a browser in, DELETE signs it out
 *     POST /iceberg/v1/oauth/tokens     a key for a token, as OAuth2 clients ask for it
 *     …    /iceberg/*        read key    commits want one for the tables; and other routes of
 *                                       `routes`; some, as the page, are open
 *
 * Keys go in `Authorization: Bearer` or `X-Api-Key`; write keys also in `?key=`, because
 * `sendBeacon` cannot set headers. A browser that has signed in sends a cookie in place of the read
 * key (`collect/session.ts`). Without keys it listens on loopback only. What browsers may do is in
 * `collect/origin.ts`, all refusals are in `collect/refusal.ts`, all limits in `collect/limits.ts`.
 */
export { type Collector, type CollectorOptions, startCollector } from './collect/collector.ts'
export { type Codings, chooseCoding, readCodings } from './collect/content-coding.ts'
export { CollectorError } from './collect/error.ts'
export { headerText, orNotModified } from './collect/read-answer.ts'
export type { ReadAnswer, ReadRequest, ReadRoute } from './collect/read-route.ts'
export type { CollectorStatus } from './collect/reading.ts'
export type { RefusalBody } from './collect/refusal.ts'
export { openScriptRoutes } from './collect/script-route.ts'
export { timeRoute } from './collect/time-route.ts'
