/**
 * Traffic as an ad-supported product makes it, for the demo, the bench and the tests: the same seed
 * gives the same bytes. It knows no clock and sends nothing; src/cli/demo.ts does.
 */

export { makeTraffic, type TrafficChunk, type TrafficOptions } from './demo-traffic/traffic.ts'
