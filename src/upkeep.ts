/**
 * Upkeep of the tables on the distributed side, where Flink appends: windows that late events changed are amended, files merged, snapshots
 * expired. One process does it at a time, beside Flink and Trino.
 */
export { openUpkeep, type Round, type Upkeep, type UpkeepOptions } from './upkeep/upkeep.ts'
export { type VerifyClosedParts, verifyClosed } from './upkeep/verify-closed.ts'
