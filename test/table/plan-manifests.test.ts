import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import fc from 'fast-check'
import { planManifests } from '../../src/table/commit/plan-manifests.ts'
import { type ManifestEntry, STATUS } from '../../src/table/manifest.ts'
import { type LoadedManifest, manifestFileOf } from '../../src/table/manifest-list.ts'
import type { FileChange } from '../../src/table/snapshot.ts'
import type { DataFile } from '../../src/table.ts'

const NOTHING: ReadonlyMap<number, never> = new Map<number, never>()

function file(path: string): DataFile {
  return {
    path,
    day: 20_779,
    rows: 1,
    bytes: 1,
    columnSizes: NOTHING,
    valueCounts: NOTHING,
    nullCounts: NOTHING,
    nanCounts: NOTHING,
    lowerBounds: NOTHING,
    upperBounds: NOTHING,
    splitOffsets: [],
  }
}

type Next = Readonly<{
  manifests: readonly LoadedManifest[]
  written: readonly (readonly ManifestEntry[])[]
}>

/** One commit, as the room carries it out. */
function commit(
  manifests: readonly LoadedManifest[],
  change: FileChange,
  sequenceNumber: number,
): Next {
  const snapshotId = BigInt(sequenceNumber)
  const plan = planManifests('t', manifests, change, snapshotId, sequenceNumber)
  const owner = { snapshotId, parentSnapshotId: null, sequenceNumber }
  const written = plan.written.map((entries, index) => ({
    file: manifestFileOf(`m-${sequenceNumber}-${index}`, 1, entries, owner),
    live: entries.filter((entry) => entry.status !== STATUS.deleted),
  }))
  return { manifests: [...written, ...plan.carried], written: plan.written }
}

const live = (manifests: readonly LoadedManifest[]) =>
  manifests.flatMap((manifest) => manifest.live.map((entry) => entry.file.path))

test('whatever is added and removed, the manifests hold exactly the live files, each with the number it came with', () => {
  const step = fc.record({
    adds: fc.nat({ max: 90 }),
    removes: fc.array(fc.nat(), { maxLength: 60 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let manifests: readonly LoadedManifest[] = []
      const cameAt = new Map<string, number>()
      for (const [index, { adds, removes }] of steps.entries()) {
        const sequenceNumber = index + 1
        const paths = [...cameAt.keys()]
        const gone = new Set(removes.flatMap((n) => paths[n % paths.length] ?? []))
        const add = Array.from({ length: adds }, (_, n) => file(`${sequenceNumber}-${n}`))
        const change = { add, remove: [...gone].map(file) }
        const next = commit(manifests, change, sequenceNumber)
        for (const path of gone) cameAt.delete(path)
        for (const { path } of add) cameAt.set(path, sequenceNumber)
        const entries = next.written.flat()
        const deleted = entries.filter((entry) => entry.status === STATUS.deleted)
        assert.deepEqual(new Set(deleted.map((entry) => entry.file.path)), gone)
        assert(deleted.every((entry) => entry.snapshotId === BigInt(sequenceNumber)))
        const added = entries.filter((entry) => entry.status === STATUS.added)
        assert.deepEqual(
          added.map((entry) => entry.file),
          add,
        )
        manifests = next.manifests
        assert.deepEqual(live(manifests).toSorted(), [...cameAt.keys()].toSorted())
        for (const manifest of manifests) {
          const numbers = manifest.live.map((entry) => entry.sequenceNumber)
          assert.deepEqual(
            numbers,
            manifest.live.map((entry) => cameAt.get(entry.file.path)),
          )
          if (numbers.length > 0)
            assert.equal(manifest.file.minSequenceNumber, Math.min(...numbers))
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('a commit of one file writes one small manifest, and the list stays below 30, for thousands of commits', () => {
  let manifests: readonly LoadedManifest[] = []
  let entries = 0
  for (let index = 1; index <= 4_000; index++) {
    const next = commit(manifests, { add: [file(String(index))], remove: [] }, index)
    manifests = next.manifests
    assert(manifests.length <= 30, `${manifests.length} manifests after ${index} commits`)
    entries += next.written.reduce((sum, each) => sum + each.length, 0)
  }
  assert.equal(live(manifests).length, 4_000)
  assert(entries / 4_000 < 40, `${entries / 4_000} entries written a commit`)
})

test('a file replaced at every commit does not drag a large table along', () => {
  const cold = Array.from({ length: 3_000 }, (_, index) => file(`cold-${index}`))
  let { manifests } = commit([], { add: cold, remove: [] }, 1)
  let hot = file('hot-1')
  manifests = commit(manifests, { add: [hot], remove: [] }, 2).manifests
  for (let index = 3; index < 200; index++) {
    const replacement = file(`hot-${index}`)
    const next = commit(manifests, { add: [replacement], remove: [hot] }, index)
    assert(next.written.flat().length <= 2)
    hot = replacement
    manifests = next.manifests
  }
  assert.equal(live(manifests).length, 3_001)
})
