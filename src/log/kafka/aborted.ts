/**
 * Which batches of a partition belong to transactions that were taken back. A broker tells with each answer where aborted
 * transactions begin; a control batch of their producer ends them. So the batches between are no events, as the transaction's
 * writer decided.
 *
 *   offset   10          12            17                  20
 *            │ P begins │ batch of P  │ batch of another  │ control: P aborts │
 *              listed      left out      read                 left out, and P is forgotten
 */
import type { AbortedTransaction } from './fetch.ts'
import type { RecordBatch } from './record-batch.ts'

/** In a control record: length, attributes and three deltas and lengths take a byte each; then the key. */
const CONTROL_KEY_AT = 5
const ABORT = 0

/** Of one answer: tells of each batch, in order, whether it holds events. */
export function openAbortedFilter(
  aborted: readonly AbortedTransaction[],
): (batch: RecordBatch) => boolean {
  const begins = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const producers = new Set<bigint>()
  return (batch) => {
    while (begins[0] !== undefined && begins[0].firstOffset < batch.endOffset) {
      const [{ producerId }] = begins.splice(0, 1) as [AbortedTransaction]
      producers.add(producerId)
    }
    if (batch.isControl) {
      if (controlType(batch) === ABORT) producers.delete(batch.producerId)
      return false
    }
    return !(batch.isTransactional && producers.has(batch.producerId))
  }
}

/** The key of a control record is its version and its type, both i16. */
function controlType({ records }: RecordBatch): number | null {
  return records.length < CONTROL_KEY_AT + 4 ? null : records.readInt16BE(CONTROL_KEY_AT + 2)
}
