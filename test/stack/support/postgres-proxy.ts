/**
 * A proxy in front of PostgreSQL that loses the reply to a commit, as a network does: the statement
 * reaches the server, the server does it and says so, and the client's connection breaks before it
 * hears.
 *
 *   client ── Parse Bind Execute Sync ──► proxy ──► server
 *   client ◄──────── cut ────── ✕ proxy ◄── CommandComplete "UPDATE 1" … ReadyForQuery
 *
 * Messages of the server: type byte, length (itself included, big-endian), body. A client that
 * first asks for encryption gets one byte for an answer, N.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

export type PostgresProxy = Readonly<{
  /** `127.0.0.1:port`, to be used in place of the server's. */
  address: string
  /** Loses the replies to the next so many commits of those clients. */
  loseReplies(count: number): void
  /** How many were lost so far. */
  lost(): number
  /** Takes no connection, and breaks those that stand, until called with false. */
  refuse(isRefusing: boolean): void
  close(): Promise<void>
}>

export type ProxyOptions = Readonly<{
  /** Where the server is: `host:port`. */
  server: string
  /**
   * Whose replies may be lost: the text of a client's first message, with its user and its
   * settings.
   */
  isVictim: (startup: string) => boolean
}>

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const COMMAND_COMPLETE = 'C'.charCodeAt(0)
const READY_FOR_QUERY = 'Z'.charCodeAt(0)
/** What moves a table's pointer: a transaction of ours, or one UPDATE of Iceberg's JDBC catalog. */
const COMMIT = /^(COMMIT|UPDATE 1)$/
const HEADER_BYTES = 5

export async function openPostgresProxy({
  server,
  isVictim,
}: ProxyOptions): Promise<PostgresProxy> {
  const [host, port] = server.split(':')
  const sockets = new Set<Socket>()
  const state = { toLose: 0, lost: 0, isRefusing: false }

  const listener = createServer((client) => {
    if (state.isRefusing) return void client.destroy()
    const upstream = connect({ host: host ?? '', port: Number(port) })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    const startup = openStartupReader()
    client.on('data', (bytes) => {
      startup.take(bytes)
      upstream.write(bytes)
    })
    const replies = openReplyReader()
    upstream.on('data', (bytes) => {
      // The answer to a wish for encryption is no message.
      const skipped = startup.takeAnswer() ? 1 : 0
      const mayLose = state.toLose > 0 && isVictim(startup.text())
      const { pass, isCommitDone } = replies.take(bytes.subarray(skipped), mayLose)
      if (skipped > 0) client.write(bytes.subarray(0, skipped))
      if (isCommitDone) {
        state.toLose -= 1
        state.lost += 1
        client.resetAndDestroy()
        return
      }
      if (pass.length > 0) client.write(pass)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${portOf(listener)}`,
    loseReplies: (count) => {
      state.toLose = count
    },
    lost: () => state.lost,
    refuse: (isRefusing) => {
      state.isRefusing = isRefusing
      if (isRefusing) for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}

/** The client's first messages, until it has said who it is. */
function openStartupReader() {
  let buffered = Buffer.alloc(0)
  let text: string | null = null
  let answersDue = 0
  return {
    take: (bytes: Buffer): void => {
      if (text !== null) return
      buffered = Buffer.concat([buffered, bytes])
      while (buffered.length >= 8 && buffered.length >= buffered.readInt32BE(0)) {
        const length = buffered.readInt32BE(0)
        const code = buffered.readInt32BE(4)
        if (code !== SSL_REQUEST && code !== GSS_REQUEST) {
          text = buffered.toString('latin1', 8, length)
          return
        }
        answersDue += 1
        buffered = buffered.subarray(length)
      }
    },
    takeAnswer: (): boolean => {
      if (answersDue === 0) return false
      answersDue -= 1
      return true
    },
    text: () => text ?? '',
  }
}

/**
 * The server's messages. From a commit's CommandComplete on, what may be lost is held back until
 * the server is ready.
 */
function openReplyReader() {
  let buffered = Buffer.alloc(0)
  let held: Buffer[] | null = null
  const take = (
    bytes: Buffer,
    mayLose: boolean,
  ): Readonly<{ pass: Buffer; isCommitDone: boolean }> => {
    buffered = Buffer.concat([buffered, bytes])
    const pass: Buffer[] = []
    while (buffered.length >= HEADER_BYTES) {
      const end = 1 + buffered.readInt32BE(1)
      if (buffered.length < end) break
      const message = buffered.subarray(0, end)
      buffered = buffered.subarray(end)
      if (mayLose && held === null && isCommit(message)) held = []
      if (held === null) pass.push(message)
      else held.push(message)
      if (held !== null && message[0] === READY_FOR_QUERY) {
        const isIdle = message[HEADER_BYTES] === 'I'.charCodeAt(0)
        if (isIdle) return { pass: Buffer.concat(pass), isCommitDone: true }
        // One UPDATE of a transaction that goes on: its COMMIT is still to come.
        pass.push(...held)
        held = null
      }
    }
    return { pass: Buffer.concat(pass), isCommitDone: false }
  }
  return { take }
}

function isCommit(message: Buffer): boolean {
  if (message[0] !== COMMAND_COMPLETE) return false
  return COMMIT.test(message.toString('latin1', HEADER_BYTES, message.length - 1))
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return address.port
}
