/** The exit codes of every command, as docs/cli.md lists them. */

export const EXIT_CODE = {
  ok: 0,
  /** It ran, and the answer is no: verify found a difference, events were rejected, status is unhealthy. */
  negative: 1,
  /** Wrong usage or configuration: nothing was done. */
  usage: 2,
  /** The collector cannot be reached, or refuses for longer than we retry. */
  unreachable: 3,
  /** The world fails: a disk, a lock, damaged files, a refused query. */
  failed: 4,
  /** A fault of the program. */
  internal: 70,
  /** Ended by ctrl-C before it was done. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE]
