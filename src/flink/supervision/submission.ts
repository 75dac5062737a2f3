/**
 * Submits the job through the SQL Gateway, from the first of several checkpoints that is there:
 * whether there is something at a path, only Flink can tell, by refusing a job.
 */
import { openGatewaySession } from '../cluster/gateway.ts'
import { FlinkError } from '../error.ts'
import { failed, isMissing, type LifecycleEvent } from './lifecycle.ts'

export type Submitted = Readonly<{ jobId: string; path: string; rest: readonly string[] }>

type Tries = Readonly<{
  /** Resolves with the job's id. */
  submit: (path: string) => Promise<string>
  signal: AbortSignal
  /** Once, where nothing is at the first path and others are tried. */
  onSearch: (text: string) => void
}>

/** `path`: what to restore; null for a job without state. Throws FlinkError. */
export async function submitJob(
  gateway: string,
  statements: readonly string[],
  path: string | null,
): Promise<string> {
  const properties: Record<string, string> =
    path === null ? {} : { 'execution.state-recovery.path': path }
  const session = await openGatewaySession({ url: gateway, properties })
  try {
    let jobId: string | null = null
    for (const statement of statements) {
      jobId = (await session.execute(statement)).jobId ?? jobId
    }
    if (jobId !== null) return jobId
    throw new FlinkError('answer', { fault: 'The gateway took the job and did not give its id' })
  } finally {
    await session.close()
  }
}

/** Throws what `submit` throws, unless that is that nothing is at the path. */
export async function submitFromFirst(
  paths: readonly string[],
  { submit, signal, onSearch }: Tries,
): Promise<Submitted | Extract<LifecycleEvent, { kind: 'missing' | 'failed' }>> {
  const [first = ''] = paths
  let missing = ''
  for (const [at, path] of paths.entries()) {
    if (signal.aborted) return { kind: 'failed', why: 'the program is ending' }
    try {
      return { jobId: await submit(path), path, rest: paths.slice(at + 1) }
    } catch (cause) {
      const { why } = failed(cause)
      if (!isMissing(why)) throw cause
      missing = why
      if (at === 0 && paths.length > 1) {
        onSearch(`nothing is at ${first}: looking for a later checkpoint of the Flink job`)
      }
    }
  }
  const others = paths.length === 1 ? '' : `, nor at ${paths.length - 1} other places`
  return { kind: 'missing', why: `nothing is at ${first}${others} (${missing})` }
}
