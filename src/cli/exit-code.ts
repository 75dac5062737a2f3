/** The exit codes of every command. */

export const EXIT_CODE = {
  ok: 0,
  negative: 1,
  usage: 2,
  unreachable: 3,
  failed: 4,
  internal: 70,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE]

/** For docs/cli.md. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODE, string>> = {
  ok:
    'done; for `start`: stopped cleanly by a signal; for `query`: also where its reader has ' +
    'had enough (`… | head`)',
  negative:
    'it ran, and the answer is no: `verify` found a difference, `send` or `rejected --replay` ' +
    'had events rejected, ' +
    '`status` found something wrong',
  usage: 'wrong usage, configuration, input or key; nothing was changed by what was refused',
  unreachable: 'the collector does not answer, or said "later" for longer than we try again',
  failed:
    'something outside fails: a disk, a lock, a port, damaged files, a query that cannot be run',
  internal: 'a fault of campaign-metrics itself',
  interrupted: 'ended by ctrl-C before it was done (128 + the signal)',
}
