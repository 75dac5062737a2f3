/** The errors of requests to Superset. Each message says what failed, where, and what to do. */

import { type ErrorKinds, type Facts, RoomError } from '../../runtime.ts'

export type SupersetErrorCode =
  | 'unreachable'
  | 'sign-in'
  | 'forbidden'
  | 'not-superset'
  | 'old-version'
  | 'refused'
  | 'name-taken'

const KINDS: ErrorKinds<SupersetErrorCode> = {
  unreachable: {
    canRetry: true,
    message: (f) =>
      `Superset does not answer at ${f.url} (${f.reason}). Check that it runs and that ` +
      '`superset.url` names it',
  },
  'sign-in': {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} refused the user "${f.user}". Check \`superset.user\` and ` +
      '`superset.password`; the user must be one of Superset\'s own database ("db"), ' +
      'not of a single sign-on',
  },
  forbidden: {
    canRetry: false,
    message: (f) =>
      `Superset at ${f.url} does not let "${f.user}" ${f.what} (${f.reason}): the user needs the ` +
      'role Admin, or Alpha with the right to import',
  },
  'not-superset': {
    canRetry: false,
    message: (f) =>
      `what answers at ${f.url} is not Superset (${f.reason}). Check \`superset.url\`: it is the ` +
      'address of its start page, such as http://localhost:8088',
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
      `Superset at ${f.url} already has a ${f.kind} named "${f.name}" that is not ours: ` +
      'rename or remove it',
  },
}

export class SupersetError extends RoomError<SupersetErrorCode> {
  override readonly name = 'SupersetError'

  constructor(code: SupersetErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}
