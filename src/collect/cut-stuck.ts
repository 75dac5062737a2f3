/**
 * Cuts the connection of a client that takes nothing of its answer. What is not taken stays in memory, tens of megabytes of a
 * large CSV file, and the place of an event stream stays taken; without this both would for as long as the client likes.
 */
import type { ServerResponse } from 'node:http'

/** A client that is slow, but takes some, is waited for; so is one to which there is nothing to say. */
export function cutWhenStuck(response: ServerResponse, timeoutMs: number): void {
  response.setTimeout(timeoutMs, () => {
    if (response.writableLength > 0) response.destroy()
  })
}
