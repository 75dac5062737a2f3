/**
 * Errors of the Kafka client as LogErrors that say what failed, where, and what to do; and the
 * retry of what fails only for now.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { findErrorBy, ResponseError } from '@platformatic/kafka'
import { systemCode } from '../../runtime.ts'
import { LogError, type LogErrorCode } from '../error.ts'
import type { KafkaPlace } from '../event-log.ts'

/** What Node and OpenSSL say when one side has another idea of TLS than the other. */
const TLS_CODES = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_)/
const TLS_TEXTS = /TLS handshake failed|Broker requires TLS|unable to verify|certificate/
const DENIALS: readonly string[] = [
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
]

export function explainKafka(what: string, place: KafkaPlace, cause: unknown): LogError {
  if (cause instanceof LogError) return cause
  const chain = errorChain(cause)
  const brokers = place.brokers.join(', ')
  const reasons = [...new Set(chain.map(({ message }) => message))].slice(0, 4).join(': ')
  const fail = (code: LogErrorCode, todo: string) =>
    new LogError(code, { what: `${what} (${brokers}): ${reasons}`, todo, brokers }, cause)
  const isTls = chain.some(
    (one) => TLS_CODES.test(systemCode(one) ?? '') || TLS_TEXTS.test(one.message),
  )
  if (isTls) {
    return fail('denied', 'Look at `tls` of the log in the configuration, and at the certificates.')
  }
  if (chain.some((one) => systemCode(one) === 'PLT_KFK_AUTHENTICATION' || isDenial(one))) {
    return fail(
      'denied',
      "Look at `sasl` of the log in the configuration, and at the user's rights to the topic.",
    )
  }
  return fail(
    'unavailable',
    'It is tried again. If it lasts, check that the brokers run, and whether they ask for TLS ' +
      'or SASL.',
  )
}

/** The error with what caused it, outermost first. */
function errorChain(error: unknown): readonly Error[] {
  if (!(error instanceof Error)) return [new Error(String(error))]
  const inner = error instanceof AggregateError ? error.errors : []
  const causes = [...inner, error.cause].filter((one) => one instanceof Error)
  return [error, ...causes.flatMap(errorChain)]
}

function isDenial(error: Error): boolean {
  return DENIALS.some((id) => findErrorBy(error, 'apiId', id) !== null)
}

/** What a broker answered although it reported errors in it; null for any other error. */
export function answerWithErrors<T>(error: unknown): T | null {
  if (!(error instanceof ResponseError)) return null
  return (error as ResponseError & { response?: T }).response ?? null
}

const RETRY_PAUSE_MS = 500

/**
 * Tries again what fails because a broker is away, is starting, or has no leader yet. `attempt` is
 * made once at least; an error that cannot be retried is thrown at once, any other after `waitMs`.
 */
export async function retryFor<T>(waitMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(waitMs)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof LogError && error.canRetry) || deadline.aborted) throw error
    }
    await sleep(RETRY_PAUSE_MS)
  }
}
