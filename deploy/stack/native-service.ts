/**
 * What the image of a service supplies itself, and what the stack therefore supplies in its place.
 */

import type { ComposeFile, ComposeService } from './compose-file.ts'
import type { Mounts } from './mounts.ts'
import type { Command, RecordedProcess } from './recorded-process.ts'

/** A service in one stack: its part of compose.yaml with native addresses and paths. */
export type Placed = Readonly<{
  service: ComposeService
  values: ComposeFile['values']
  path: Mounts['path']
  /** `127.0.0.1:port` of a service; its first port where none is named. */
  address: (service: string, port?: number) => string
  /** A folder of its own, for what the container would keep inside. */
  folder: string
  /** A folder for temporary files, empty at each start. */
  scratch: string
}>

export type NativeService = Readonly<{
  /** How long its first start may take. */
  startLimitMs: number
  /** Installs its programs; quick when they are there. */
  install: (values: ComposeFile['values']) => void
  /** Before each start: what the image's entrypoint does to an empty volume. */
  prepare?: (placed: Placed) => void
  /** Its environment is that of compose.yaml, and what is added to it here. */
  command: (
    placed: Placed,
  ) => Command & Readonly<{ environment?: Readonly<Record<string, string>> }>
  /** Whether it does its work; may throw when it does not. */
  isHealthy: (placed: Placed, process: RecordedProcess) => Promise<boolean>
}>

const REQUEST_TIMEOUT_MS = 3000

/** The JSON of an answer with status 200, for health checks. */
export async function fetchJson<Answer>(
  address: string,
  path: string,
  request: RequestInit = {},
): Promise<Answer> {
  const answer = await fetch(`http://${address}${path}`, {
    ...request,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
  return (await answer.json()) as Answer
}

export async function isOk(address: string, path: string): Promise<boolean> {
  const answer = await fetch(`http://${address}${path}`, {
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  await answer.body?.cancel()
  return answer.ok
}
