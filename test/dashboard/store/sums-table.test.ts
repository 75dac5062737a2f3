/** Rows are found again, campaigns are ranked and named as a plain model says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rank } from '../../../src/dashboard/answers/ranking.ts'
import { HOUR_US, MINUTE_US } from '../../../src/dashboard/steps.ts'
import { CampaignNames } from '../../../src/dashboard/store/campaign-names.ts'
import { Chunk } from '../../../src/dashboard/store/chunk.ts'
import { gridOf, sumsAt, WIDTH } from '../../../src/dashboard/store/sums-table.ts'
import { MEASURE_IDS, measureOf } from '../../../src/dashboard-definition/definition.ts'

test('a chunk has one row for each step and campaign, however many and often added', () => {
  const span = { fromUs: 10 * HOUR_US, toUs: 11 * HOUR_US, stepUs: 5 * MINUTE_US }
  const chunk = new Chunk(span, 0)
  const model = new Map<string, number>()
  const sums = new Float64Array([1, 0, 0, 7])
  for (let turn = 0; turn < 30_000; turn++) {
    const code = (turn * 7919) % 501
    const timeUs = span.fromUs + ((turn * 104_729) % 3600) * 1_000_000
    chunk.add(timeUs, code, sums, 0)
    const key = `${Math.floor(timeUs / span.stepUs) * span.stepUs} ${code}`
    model.set(key, (model.get(key) ?? 0) + 1)
  }
  assert.equal(chunk.table.rows, model.size)
  const { starts, codes } = chunk.table
  for (let row = 0; row < chunk.table.rows; row++) {
    const count = model.get(`${starts[row]} ${codes[row]}`)
    assert.equal(chunk.table.sums[row * WIDTH], count)
    assert.equal(chunk.table.sums[row * WIDTH + 3], (count ?? 0) * 7)
  }
  const totals = new Float64Array(12 * WIDTH)
  const steps = Array.from({ length: 12 }, (_, step) => span.fromUs + step * span.stepUs)
  chunk.addTotals(span, gridOf(span, span.stepUs, steps), totals)
  for (let step = 0; step < 12; step++) {
    const startUs = span.fromUs + step * span.stepUs
    const expected = [...model]
      .filter(([key]) => key.startsWith(`${startUs} `))
      .reduce((sum, [, count]) => sum + count, 0)
    assert.equal(totals[step * WIDTH], expected)
  }
})

test('a page of a ranking is that part of everything sorted, nulls last, equals by name', () => {
  const anySums = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: -2, max: 2 }).map((units) => units * 1_000_000),
    ),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(
      anySums,
      fc.constantFrom('campaign' as const, ...MEASURE_IDS),
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 0, max: 45 }),
      fc.integer({ min: 1, max: 10 }),
      (rows, by, order, start, size) => {
        const names = new CampaignNames()
        // Names in no order, so that codes are not places.
        const codes = rows.map((_, index) => names.add(`c-${(index * 31) % 41}`))
        const sums = Float64Array.from(rows.flat())
        const expected = rows.map((_, position) => {
          const name = names.nameOf(codes[position] ?? 0)
          const key = by === 'campaign' ? name : measureOf(by, sumsAt(sums, position * WIDTH))
          return { position, name, key }
        })
        const sign = order === 'asc' ? 1 : -1
        expected.sort((a, b) => {
          const byName = a.name < b.name ? -1 : 1
          if (a.key === b.key) return byName
          if (a.key === null || b.key === null) return a.key === null ? 1 : -1
          return a.key < b.key ? -sign : sign
        })
        const campaigns = { codes: Uint32Array.from(codes), sums }
        assert.deepEqual(
          rank(campaigns, { by, order }, names.places(), start, start + size),
          expected.slice(start, start + size).map(({ position }) => position),
        )
      },
    ),
    { numRuns: 500 },
  )
})

test('names are in the order of their UTF-8 bytes, also when names come and go', () => {
  const anyName = fc.string({ unit: 'binary', maxLength: 3 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(anyName), fc.array(anyName)), { maxLength: 6 }),
      (rounds) => {
        const names = new CampaignNames()
        let model = new Set<string>()
        for (const [added, kept] of rounds) {
          for (const name of added) {
            names.add(name)
            model.add(name)
          }
          const places = names.places()
          const ordered = [...model].sort((a, b) => places[codeOf(a)]! - places[codeOf(b)]!)
          assert.deepEqual(
            ordered,
            [...model].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
          )
          const isUsed = new Uint8Array(names.limit)
          for (const name of kept) if (model.has(name)) isUsed[codeOf(name)] = 1
          names.sweep(isUsed)
          model = new Set(kept.filter((name) => model.has(name)))
          assert.equal(names.size, model.size)
          for (const name of model) {
            assert.equal(names.nameOf(codeOf(name)), name)
          }
        }
        function codeOf(name: string): number {
          const code = names.find(name)
          assert.ok(code !== undefined)
          return code
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('codes of names that are gone are given to new ones', () => {
  const names = new CampaignNames()
  for (let turn = 0; turn < 100; turn++) {
    for (let index = 0; index < 50; index++) names.add(`${turn}-${index}`)
    names.sweep(new Uint8Array(names.limit))
  }
  assert.equal(names.size, 0)
  assert.equal(names.limit, 50)
})
