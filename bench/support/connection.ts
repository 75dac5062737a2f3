/**
 * One keep-alive connection that sends a request at a time, on a bare socket: a client library
 * would cost as much as the server it measures.
 */
import { connect, type Socket } from 'node:net'

export type Connection = Readonly<{
  /** Resolves with the status once the answer is whole. */
  send(body: Buffer): Promise<number>
  close(): void
}>

export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const head =
    `POST /v1/events HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ` +
    'application/x-ndjson\r\ncontent-length: '
  const answers = readAnswers(socket)
  return {
    send: (body) => {
      const answer = answers.next()
      socket.cork()
      socket.write(`${head}${body.length}\r\n\r\n`, 'latin1')
      socket.write(body)
      socket.uncork()
      return answer
    },
    close: () => socket.destroy(),
  }
}

/** Answers are small and have a length; anything else ends the run. */
function readAnswers(socket: Socket): Readonly<{ next(): Promise<number> }> {
  let waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | null = null
  let text = ''
  const fail = (error: Error): void => waiting?.reject(error)
  socket.setEncoding('latin1')
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  socket.on('data', (chunk: string) => {
    text += chunk
    const headEnd = text.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    if (length === undefined) return fail(new Error(`an answer without a length: ${text}`))
    if (text.length < headEnd + 4 + Number(length)) return
    const status = Number(text.slice(9, 12))
    text = ''
    const { resolve } = waiting ?? { resolve: () => {} }
    waiting = null
    resolve(status)
  })
  return {
    next: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      }),
  }
}
