/**
 * A TCP proxy that a test can turn against its connections: what a client sends, and what the
 * server answers, is forwarded, held back for a while, or swallowed, as the test decides from the
 * bytes.
 */
import { createServer, type Server, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * `cut` closes the client's side at once; the server never hears of it. What is held back goes on
 * after that time, whatever became of the client, and `onPassed` is called then.
 */
export type Verdict =
  | 'forward'
  | 'swallow'
  | 'cut'
  | Readonly<{ holdMs: number; onPassed?: () => void }>

export type Rules = {
  fromClient: (bytes: Buffer) => Verdict
  fromServer: (bytes: Buffer) => Verdict
}

export type FaultProxy = Readonly<{
  port: number
  /** May be changed at any time. */
  rules: Rules
  close(): Promise<void>
}>

const forward = (): Verdict => 'forward'

export async function openProxy(targetPort: number): Promise<FaultProxy> {
  const rules: Rules = { fromClient: forward, fromServer: forward }
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = new Socket().connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    relay(client, upstream, client, (bytes) => rules.fromClient(bytes))
    relay(upstream, client, client, (bytes) => rules.fromServer(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    rules,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** In order: what is held back holds up what comes after it. */
function relay(from: Socket, to: Socket, client: Socket, judge: (bytes: Buffer) => Verdict): void {
  let before: Promise<unknown> = Promise.resolve()
  let isCut = false
  from.on('data', (bytes) => {
    before = before.then(async () => {
      const verdict = judge(bytes)
      if (verdict === 'swallow') return
      if (typeof verdict === 'object') await sleep(verdict.holdMs)
      if (verdict === 'cut') {
        isCut = true
        client.destroy()
      } else to.write(bytes)
      if (typeof verdict === 'object') verdict.onPassed?.()
    })
  })
  // A client that goes away takes its connection to the server with it, once everything before has
  // been passed on.
  from.on('close', () => {
    before = before.then(() => {
      if (!isCut) to.end()
    })
  })
}
