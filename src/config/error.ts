/** Everything that is wrong with a configuration, each problem with its place and its remedy. */

/** One wrong setting. `line` counts from 1; null when the setting is not in the file. */
export type ConfigProblem = Readonly<{ path: string; line: number | null; reason: string }>

/** The keys that lead to a setting. */
export type SettingPath = readonly PropertyKey[]

/**
 * A wrong setting, not yet looked up in the file. With `isName` the last key is wrong, not its
 * value.
 */
export type SettingProblem = Readonly<{ place: SettingPath; reason: string; isName?: boolean }>

/**
 * Not a `RoomError`: its message lists any number of problems, which neither a code nor a flat
 * record of facts can hold.
 */
export class ConfigError extends Error {
  readonly code: 'missing' | 'unreadable' | 'syntax' | 'invalid'
  readonly file: string | null
  readonly problems: readonly ConfigProblem[]

  constructor(
    code: ConfigError['code'],
    file: string | null,
    problems: readonly ConfigProblem[],
    cause?: unknown,
  ) {
    super(configMessage(file, problems), cause === undefined ? undefined : { cause })
    this.name = 'ConfigError'
    this.code = code
    this.file = file
    this.problems = problems
  }
}

function configMessage(file: string | null, problems: readonly ConfigProblem[]): string {
  const where = file ?? 'configuration'
  const [only] = problems
  if (problems.length === 1 && only !== undefined) {
    return `${where}${only.line === null ? '' : `:${only.line}`}: ${statement(only)}`
  }
  const lines = problems.map(
    (problem) => `  ${problem.line === null ? '' : `line ${problem.line}: `}${statement(problem)}`,
  )
  return `${where}: ${problems.length} settings are wrong\n${lines.join('\n')}`
}

function statement(problem: ConfigProblem): string {
  return problem.path === '' ? problem.reason : `${problem.path}: ${problem.reason}`
}
