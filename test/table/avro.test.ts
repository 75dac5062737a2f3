/** Avro containers of other programs, whose schemas say the same in other words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avroFormat, decodeContainer, encodeContainer } from '../../src/table/avro.ts'

test('a long is a bigint, however the schema of its writer spells the type', async () => {
  const id = 9_007_199_254_740_993n
  for (const type of ['long', { type: 'long' }, ['null', { type: 'long' }]]) {
    const fields = [{ name: 'id', type }]
    const format = avroFormat<{ id: bigint }>({ type: 'record', name: 'r', fields })
    const bytes = await encodeContainer(format, {}, [{ id }], Buffer.alloc(16))
    const { rows } = await decodeContainer<{ id: bigint }>(bytes)
    assert.deepEqual(
      rows.map((row) => row.id),
      [id],
      JSON.stringify(type),
    )
  }
})
