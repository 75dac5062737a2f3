/**
 * The product's event stream as a browser reads it; every message is held against the description
 * of the API.
 */
import assert from 'node:assert/strict'
import type { LiveMessage } from '../../src/dashboard-definition/wire.ts'
import { expectSchema } from '../dashboard/api/openapi.ts'

export type EventStream = Readonly<{
  /** Fulfilled when the server has ended it, or `close` was called. */
  ended: Promise<void>
  lastId(): string
  /** The next message of which this is true; those before it are passed over. */
  next(holds: (message: LiveMessage) => boolean): Promise<LiveMessage>
  close(): void
}>

export async function openStream(url: string, lastId?: string): Promise<EventStream> {
  const controller = new AbortController()
  const response = await fetch(`${url}/api/v1/stream`, {
    signal: controller.signal,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  })
  assert.equal(response.status, 200)
  const messages: LiveMessage[] = []
  let id = ''
  let wake = () => {}
  let isOver = false
  async function read(): Promise<void> {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (text + chunk).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        id = /^id: (.*)$/m.exec(part)?.[1] ?? id
        const message: LiveMessage = JSON.parse(/^data: (.*)$/m.exec(part)?.[1] ?? '')
        expectSchema('components/schemas/LiveMessage', message, 'a message')
        messages.push(message)
      }
      wake()
    }
    isOver = true
    wake()
  }
  const ended = read().catch((error: Error) => {
    if (!controller.signal.aborted) throw error
  })
  return {
    ended,
    lastId: () => id,
    async next(holds: (message: LiveMessage) => boolean): Promise<LiveMessage> {
      for (;;) {
        const message = messages.shift()
        if (message !== undefined && holds(message)) return message
        if (message === undefined) {
          assert.ok(!isOver, 'the stream ended before such a message came')
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    },
    close: () => controller.abort(),
  }
}
