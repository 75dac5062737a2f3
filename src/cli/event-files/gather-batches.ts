/** Events one by one, gathered into batches that are each small enough for one request. */

import { type BatchLimits, type LineBatch, tooLong, type Unsent } from '../ndjson-batches.ts'

/** `place`: the line or row of the file, from 1. */
export type PlacedEvent = Readonly<{ kind: 'event'; place: number; line: Uint8Array | string }>

const LF = Buffer.from('\n')

/** Null: nothing more comes for now, so what there is need not wait. */
export async function* gatherBatches(
  events: AsyncIterable<PlacedEvent | Unsent | null>,
  limits: BatchLimits,
): AsyncGenerator<LineBatch | Unsent> {
  let lines: Uint8Array[] = []
  let places: number[] = []
  let bytes = 0
  const take = (): LineBatch => {
    const taken = places
    const batch: LineBatch = {
      kind: 'batch',
      bytes: Buffer.concat(lines),
      lineOf: (index) => taken[index] ?? 0,
      endLine: (taken.at(-1) ?? 0) + 1,
      isUnfinished: false,
    }
    lines = []
    places = []
    bytes = 0
    return batch
  }
  for await (const event of events) {
    if (event === null) {
      if (places.length > 0) yield take()
      continue
    }
    if (event.kind === 'unsent') {
      // In the order of the file, so that what has no answer begins behind it.
      if (places.length > 0) yield take()
      yield event
      continue
    }
    const line = Buffer.from(event.line)
    if (line.length >= limits.bytesMax) {
      if (places.length > 0) yield take()
      yield tooLong('event', event.place, line.length)
      continue
    }
    if (bytes + line.length + 1 > limits.bytesMax || places.length === limits.linesMax) yield take()
    lines.push(line, LF)
    places.push(event.place)
    bytes += line.length + 1
  }
  if (places.length > 0) yield take()
}
