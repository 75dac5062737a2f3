/**
 * Errors of the REST catalog, as the spec's ErrorModel: `{"error":{"message","type","code"}}`. The
 * types are the class names that Iceberg's Java client knows.
 */
const STATUS = {
  BadRequestException: 400,
  NotAuthorizedException: 401,
  ForbiddenException: 403,
  NoSuchNamespaceException: 404,
  NoSuchTableException: 404,
  NoSuchViewException: 404,
  NoSuchWarehouseException: 404,
  NotFoundException: 404,
  CommitFailedException: 409,
  UnsupportedOperationException: 405,
  ServiceFailureException: 500,
  CommitStateUnknownException: 500,
  ServiceUnavailableException: 503,
} as const

export type RestErrorType = keyof typeof STATUS

/** Of statuses that no exception of the client stands for, such as 413 and 429. */
const OTHER_TYPE = 'RESTException'

/** For a status of another layer: the general type of those with that status. */
const TYPES: Readonly<Record<number, RestErrorType>> = {
  400: 'BadRequestException',
  401: 'NotAuthorizedException',
  403: 'ForbiddenException',
  404: 'NotFoundException',
  405: 'UnsupportedOperationException',
  500: 'ServiceFailureException',
  503: 'ServiceUnavailableException',
}

export function statusOf(type: RestErrorType): number {
  return STATUS[type]
}

export function restError(type: RestErrorType, message: string): string {
  return errorText(message, type, STATUS[type])
}

/** The error of a request that never reached the catalog: without a key, or too large. */
export function restErrorBody({
  status,
  message,
}: Readonly<{ status: number; message: string }>): string {
  return errorText(message, TYPES[status] ?? OTHER_TYPE, status)
}

function errorText(message: string, type: string, code: number): string {
  return JSON.stringify({ error: { message, type, code } })
}
