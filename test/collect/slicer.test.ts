/** Byte ranges cut out of chunks are those of the joined body. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { createSlicer } from '../../src/collect/body-bytes.ts'

it('rising ranges of a body in chunks are the ranges of the body in one piece', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 })
  const cuts = fc.array(fc.nat(120), { maxLength: 20 })
  fc.assert(
    fc.property(chunks, cuts, (parts, at) => {
      const body = Buffer.concat(parts)
      const places = at.filter((place) => place <= body.length).sort((a, b) => a - b)
      const slice = createSlicer(parts)
      for (let index = 0; index + 1 < places.length; index += 2) {
        const [start = 0, end = 0] = places.slice(index, index + 2)
        assert.deepEqual(Buffer.from(slice(start, end)), body.subarray(start, end))
      }
    }),
  )
})
