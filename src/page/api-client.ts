/**
 * Requests to this server's API. Failures are values, never exceptions: the page decides what to
 * show for them. Unchanged answers are not sent again: the browser caches them with their tags.
 */
import type { ErrorAnswer } from '../dashboard-definition.ts'

export type ApiFailure =
  | Readonly<{ kind: 'signed-out'; message: string }>
  /** The server refused the request; a retry would not help. */
  | Readonly<{ kind: 'refused'; message: string }>
  /** The server failed, or cannot be reached. */
  | Readonly<{ kind: 'unreachable'; message: string }>
  /** The answer is no longer wanted. */
  | Readonly<{ kind: 'aborted' }>

export type ApiResult<Answer> = Readonly<{ kind: 'answer'; answer: Answer }> | ApiFailure

export type ApiClient = Readonly<{
  /** `request` is a path below api/v1/ with its query. */
  get: <Answer>(request: string, signal?: AbortSignal) => Promise<ApiResult<Answer>>
  signIn: (readKey: string) => Promise<ApiResult<null>>
  /** If it is answered, the browser no longer has a session. */
  signOut: () => Promise<ApiResult<null>>
}>

/** Relative to the page, which a proxy may serve under another path. */
export const API = 'api/v1/'
/** A longer request counts as unanswered. */
const ANSWER_MS_MAX = 30_000

/** `onAnswer` is given each answer before whoever has asked. */
export function createApiClient(
  send: typeof fetch,
  onAnswer: (answer: object) => void = () => {},
): ApiClient {
  return {
    get: async <Answer>(request: string, signal?: AbortSignal): Promise<ApiResult<Answer>> => {
      const limits = [AbortSignal.timeout(ANSWER_MS_MAX), ...(signal === undefined ? [] : [signal])]
      try {
        const response = await send(API + request, { signal: AbortSignal.any(limits) })
        if (!response.ok) return await failureOf(response)
        const answer = (await response.json()) as Answer & object
        onAnswer(answer)
        return { kind: 'answer', answer }
      } catch (error) {
        return signal?.aborted === true ? { kind: 'aborted' } : unreachable(error)
      }
    },
    // Not as Authorization, which a proxy in between may need for itself.
    signIn: (readKey) => askSession(send, { method: 'POST', headers: { 'x-api-key': readKey } }),
    signOut: () => askSession(send, { method: 'DELETE' }),
  }
}

async function askSession(send: typeof fetch, request: RequestInit): Promise<ApiResult<null>> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    const response = await send(`${API}session`, { ...request, signal })
    return response.ok ? { kind: 'answer', answer: null } : await failureOf(response)
  } catch (error) {
    return unreachable(error)
  }
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const message = (await errorMessage(response)) ?? `The server answered ${response.status}.`
  if (response.status === 401) return { kind: 'signed-out', message }
  const isRefusal = response.status >= 400 && response.status < 500 && response.status !== 429
  return isRefusal ? { kind: 'refused', message } : { kind: 'unreachable', message }
}

async function errorMessage(response: Response): Promise<string | null> {
  try {
    const { error } = (await response.json()) as ErrorAnswer
    return typeof error.message === 'string' ? error.message : null
  } catch {
    return null
  }
}

function unreachable(error: unknown): ApiFailure {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  const message = isLate
    ? `The server has not answered within ${ANSWER_MS_MAX / 1000} seconds.`
    : 'The server cannot be reached.'
  return { kind: 'unreachable', message }
}
