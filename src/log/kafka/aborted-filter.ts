/**
 * Which batches of a fetch hold events: not those of aborted transactions, and not the control
 * batches that end transactions.
 */
import type { AbortedTransaction } from './fetch.ts'
import type { RecordBatch } from './record-batch.ts'

/**
 * In a control record the length, the attributes and three deltas and lengths take a byte each;
 * then comes the key.
 */
const CONTROL_KEY_AT = 5
const ABORT = 0

/**
 * For one answer: whether each batch, in order, holds events. With each answer a broker names where
 * aborted transactions begin; a control batch of their producer ends them. The batches between are
 * left out.
 *
 *   offset   10          12            17                  20
 *            │ P begins │ batch of P  │ batch of another  │ control: P aborts │
 *              listed      left out      read                 left out, and P is forgotten
 */
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
