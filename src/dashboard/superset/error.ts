/** What talking to Superset can fail with. Each message says what failed, where, and what to do. */

type Facts = Readonly<Record<string, string | number>>

type Kind = Readonly<{
  /** Whether the same call may succeed later, with nothing done by the user. */
  canRetry: boolean
  message: (facts: Facts) => string
}>

export type SupersetErrorCode =
  | 'unreachable'
  | 'sign-in'
  | 'forbidden'
  | 'not-superset'
  | 'old-version'
  | 'refused'
  | 'name-taken'

const KINDS: Readonly<Record<SupersetErrorCode, Kind>> = {
  unreachable: {
    canRetry: true,
    message: (f) =>
      `Superset does not answer at ${f.url} (${f.reason}). Check that it runs and that \`superset.url\` names it`,
  },
  'sign-in': {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} refused the user "${f.user}". Check \`superset.user\` and \`superset.password\`; ` +
      'the user must be one of Superset\'s own database ("db"), not of a single sign-on',
  },
  forbidden: {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} does not let "${f.user}" ${f.what} (${f.reason}): the user needs the role Admin, ` +
      'or Alpha with the right to import',
  },
  'not-superset': {
    canRetry: false,
    message: (f) =>
      `what answers at ${f.url} is not Superset (${f.reason}). Check \`superset.url\`: it is the address of ` +
      'its start page, such as http://localhost:8088',
  },
  'old-version': {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} is version ${f.version}, and the dashboard needs ${f.needed} or newer`,
  },
  refused: {
    canRetry: false,
    message: (f) => `Superset at ${f.url} did not ${f.what}: ${f.reason}`,
  },
  'name-taken': {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} already has a ${f.kind} named "${f.name}" that is not ours: rename or remove it`,
  },
}

export class SupersetError extends Error {
  readonly code: SupersetErrorCode
  readonly facts: Facts
  readonly canRetry: boolean
  constructor(code: SupersetErrorCode, facts: Facts, cause?: unknown) {
    const kind = KINDS[code]
    super(kind.message(facts), cause === undefined ? undefined : { cause })
    this.name = 'SupersetError'
    this.code = code
    this.facts = facts
    this.canRetry = kind.canRetry
  }
}
