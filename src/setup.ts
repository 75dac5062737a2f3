/**
 * Setting up what a configuration names at services: topic, bucket, tables, job and dashboard, and
 * keys of our own. Each part is found as it must be, or made, or changed; run again, it finds all
 * of it.
 */
export { type SetupOutcome, type SetupPart, type SetupWorld, setUp } from './setup/set-up.ts'
