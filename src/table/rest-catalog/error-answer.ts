/** Errors of the REST catalog: Iceberg's ErrorModel, with the class names that its Java client knows. */

const STATUS = {
  BadRequestException: 400,
  NoSuchNamespaceException: 404,
  NoSuchTableException: 404,
  NotFoundException: 404,
  UnsupportedOperationException: 405,
  ServiceUnavailableException: 503,
} as const

export type RestErrorType = keyof typeof STATUS

export function errorAnswer(
  type: RestErrorType,
  message: string,
): Readonly<{ status: number; body: string }> {
  const status = STATUS[type]
  return { status, body: JSON.stringify({ error: { message, type, code: status } }) }
}
