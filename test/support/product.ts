/**
 * The product as its user meets it: a child process, its printed output, its signals and its exit
 * code. Nothing of `src` is imported here, so what these tests claim does not depend on how the
 * product is built.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Folder } from './folder.ts'

const ROOT = join(import.meta.dirname, '../..')
const CLI_PATH = join(ROOT, 'src/cli.ts')
/** Other addresses that it prints are those of services, in errors. */
const LISTENS = /listens on (https?:\/\/[\w.[\]:]+:\d+)/
/** Many times what it takes where the machine has other work to do; only a failure takes so long. */
const START_LIMIT_MS = 120_000
const OUTPUT_CHARACTERS_MAX = 1_000_000

export type Exit = Readonly<{ code: number | null; signal: NodeJS.Signals | null }>

export type Run = Readonly<{ exit: Exit; stdout: string; stderr: string }>

export type Product = Readonly<{
  url: string
  pid: number
  /** What it printed so far, both streams. */
  output(): string
  exited: Promise<Exit>
  /** SIGTERM (or another signal), then waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
  /** SIGKILL: no clean-up of any kind runs. */
  kill(): Promise<Exit>
}>

export type StartOptions = Readonly<{
  environment?: Readonly<Record<string, string>>
  /** A program and its arguments to run the product under, for example `taskset -c 0`. */
  under?: readonly string[]
  arguments?: readonly string[]
  /** How much of each stream is kept; a million characters by default. */
  outputCharactersMax?: number
}>

/** The product ended before it printed its URL. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
  readonly code = 'start-refused'
  readonly run: Run

  constructor(run: Run) {
    const { exit, stdout, stderr } = run
    super(`start ended with ${exit.code ?? exit.signal} before it listened:\n${stdout}${stderr}`)
    this.run = run
  }
}

/** Starts `campaign-metrics start` and resolves once it has printed its URL. */
export async function startProduct(folder: Folder, options: StartOptions = {}): Promise<Product> {
  const run = spawnCli(
    folder,
    ['start', '--config', folder.configPath, ...(options.arguments ?? [])],
    options,
  )
  const deadline = AbortSignal.timeout(START_LIMIT_MS)
  for (;;) {
    const url = LISTENS.exec(run.stdout() + run.stderr())?.[1]
    if (url !== undefined) {
      let asked = false
      const kill = async (signal: NodeJS.Signals): Promise<Exit> => {
        asked = true
        run.child.kill(signal)
        return await run.exited
      }
      // An end that no test asked for explains the test's failure, which only sees a broken
      // connection.
      const reportEnd = ({ code, signal }: Exit): void => {
        if (!asked && signal !== 'SIGKILL')
          console.error(`ended with ${code ?? signal}:\n${run.stdout()}${run.stderr()}`)
      }
      run.exited.then(reportEnd, () => {})
      return {
        url,
        pid: run.child.pid as number,
        output: () => run.stdout() + run.stderr(),
        exited: run.exited,
        stop: (signal = 'SIGTERM') => kill(signal),
        kill: () => kill('SIGKILL'),
      }
    }
    const exit = await Promise.race([run.exited, sleep(5)])
    if (exit !== undefined) {
      throw new StartRefused({ exit, stdout: run.stdout(), stderr: run.stderr() })
    }
    if (deadline.aborted) {
      run.child.kill('SIGKILL')
      throw new Error(`no URL after ${START_LIMIT_MS} ms:\n${run.stdout()}${run.stderr()}`)
    }
  }
}

/** Runs one command of the CLI to its end. */
export async function runCommand(
  folder: Folder,
  words: readonly string[],
  options: StartOptions & Readonly<{ input?: string | Uint8Array; limitMs?: number }> = {},
): Promise<Run> {
  const run = spawnCli(folder, [...words, '--config', folder.configPath], options)
  run.child.stdin?.on('error', () => {})
  run.child.stdin?.end(options.input ?? '')
  const limit = setTimeout(() => run.child.kill('SIGKILL'), options.limitMs ?? START_LIMIT_MS)
  const exit = await run.exited
  clearTimeout(limit)
  return { exit, stdout: run.stdout(), stderr: run.stderr() }
}

/** Tries to start and returns how it was refused; a product that does start is killed and fails. */
export async function expectRefusal(folder: Folder, options: StartOptions = {}): Promise<Run> {
  try {
    const product = await startProduct(folder, options)
    // A refusal may follow the URL only if the product still ends by itself.
    const exit = await Promise.race([
      product.exited,
      sleep(START_LIMIT_MS, undefined, { ref: false }),
    ])
    if (exit !== undefined) return { exit, stdout: product.output(), stderr: '' }
    await product.kill()
    throw new Error(`start was expected to refuse, but it listens:\n${product.output()}`)
  } catch (error) {
    if (error instanceof StartRefused) return error.run
    throw error
  }
}

function spawnCli(folder: Folder, words: readonly string[], options: StartOptions) {
  const [program, ...before] = [...(options.under ?? []), process.execPath]
  const child = spawn(program as string, [...before, CLI_PATH, ...words], {
    cwd: folder.path,
    env: { ...process.env, NODE_NO_WARNINGS: '1', NO_COLOR: '1', ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const { outputCharactersMax = OUTPUT_CHARACTERS_MAX } = options
  const collected = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8')
    child[stream].on('data', (text: string) => {
      if (collected[stream].length < outputCharactersMax) collected[stream] += text
    })
  }
  const exited = new Promise<Exit>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { child, exited, stdout: () => collected.stdout, stderr: () => collected.stderr }
}
