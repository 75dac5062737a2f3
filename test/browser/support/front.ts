/**
 * A proxy in front of the product, as they are met: it serves it under a path that it cuts off,
 * rewrites Host, may speak TLS and may ask for a password of its own. What stands beside that path
 * is another application, which notes who strays into it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Front = Readonly<{
  /** Where the browser finds it, without a path. */
  origin: string
  /** Requests that did not begin with the path, as `GET /favicon.ico`. */
  strays: readonly string[]
  /** Requests that were passed on, as they came in. */
  passed: readonly string[]
  /** The bodies of what was posted, as far as they have come in whole. */
  posted: readonly string[]
  close(): Promise<void>
}>

export type FrontOptions = Readonly<{
  /** `/cm`; '' is the whole host. */
  path: string
  target: () => string
  tls?: boolean
  /** `user:password` that it asks for itself. */
  basic?: string
  /** Header pairs that it adds, given the host that it was asked for. */
  says?: (host: string) => Readonly<Record<string, string>>
}>

export async function openFront(options: FrontOptions): Promise<Front> {
  const strays: string[] = []
  const passed: string[] = []
  const posted: string[] = []
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const inside = insideOf(incoming.url ?? '/', options.path)
    if (inside === null) {
      strays.push(`${incoming.method} ${incoming.url}`)
      outgoing.writeHead(404, { 'content-type': 'text/plain' }).end('another application')
      return
    }
    if (options.basic !== undefined && !hasPassword(incoming, options.basic)) {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="proxy"' }).end()
      return
    }
    passed.push(`${incoming.method} ${incoming.url}`)
    if (incoming.method === 'POST') note(incoming, posted)
    pass(incoming, outgoing, inside, options)
  }
  const server =
    options.tls === true ? createTlsServer(certificate(), onRequest) : createServer(onRequest)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `${options.tls === true ? 'https' : 'http'}://127.0.0.1:${port}`,
    strays,
    passed,
    posted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What is left of an address below the path; null = it is not below it. */
function insideOf(url: string, path: string): string | null {
  const [, head = '', query = ''] = /^([^?]*)(.*)$/.exec(url) ?? []
  if (head === path) return `/${query}`
  return head.startsWith(`${path}/`) ? head.slice(path.length) + query : null
}

function hasPassword({ headers }: IncomingMessage, basic: string): boolean {
  return headers.authorization === `Basic ${Buffer.from(basic).toString('base64')}`
}

function note(incoming: IncomingMessage, posted: string[]): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => posted.push(Buffer.concat(chunks).toString()))
}

function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  path: string,
  { target, says }: FrontOptions,
): void {
  const { host: asked = '', ...headers } = incoming.headers
  const { host } = new URL(target())
  const inner = request(
    new URL(path, target()),
    { method: incoming.method, headers: { ...headers, host, ...says?.(asked) } },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    },
  )
  // Whoever goes first takes the other along.
  inner.on('error', () => outgoing.destroy())
  outgoing.on('close', () => inner.destroy())
  incoming.pipe(inner)
}

export const HAS_OPENSSL: boolean = spawnSync('openssl', ['version']).status === 0

/** Nobody's; the browser is told to take it. */
function certificate(): Readonly<{ key: Buffer; cert: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-metrics-tls-'))
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1']
    const made = spawnSync('openssl', [...words, '-keyout', key, '-out', cert])
    if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`)
    return { key: readFileSync(key), cert: readFileSync(cert) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
