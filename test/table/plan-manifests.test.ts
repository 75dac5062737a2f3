import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeContainer } from '../../src/table/avro.ts'
import { planManifests } from '../../src/table/commit/plan-manifests.ts'
import { TABLES } from '../../src/table/definition.ts'
import { type ManifestEntry, manifestFormat, STATUS } from '../../src/table/manifest.ts'
import {
  encodeManifestList,
  type LoadedManifest,
  manifestFileOf,
} from '../../src/table/manifest-list.ts'
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

test('whatever changes, manifests hold exactly the live files, each with its first number', () => {
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

test('a commit of one file writes a small manifest; thousands keep the list below 30', () => {
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

type AvroType = string | readonly AvroType[] | AvroNode
type AvroNode = Readonly<{
  type: AvroType
  name?: string
  fields?: readonly Readonly<{ name: string; 'field-id': number; type: AvroType }>[]
  items?: AvroType
  'element-id'?: number
  logicalType?: string
}>

/**
 * Each field, key, value and element of an Avro schema with its Iceberg id, and `?` where it is
 * optional.
 */
function idsIn(type: AvroType, path = ''): string[] {
  if (typeof type === 'string') return []
  if ('fields' in type && type.fields !== undefined) {
    return type.fields.flatMap((field) => {
      const name = path === '' ? field.name : `${path}.${field.name}`
      const isOptional = Array.isArray(field.type)
      const [, value = 'null'] = isOptional ? (field.type as readonly AvroType[]) : []
      const inner = isOptional ? value : field.type
      return [`${name}${isOptional ? '?' : ''} ${field['field-id']}`, ...idsIn(inner, name)]
    })
  }
  const { items, 'element-id': id, logicalType } = type as AvroNode
  if (items === undefined) return []
  // A map with int keys is an array of pairs and has no element id (spec: "Avro").
  const element = logicalType === 'map' ? [] : [`${path}[] ${id}`]
  return [...element, ...idsIn(items, `${path}[]`)]
}

async function schemaOf(bytes: Buffer): Promise<AvroType> {
  const { metadata } = await decodeContainer(bytes)
  return JSON.parse(metadata.get('avro.schema') ?? '') as AvroType
}

// Copied by hand from the Iceberg spec, version 2: "Manifest Entry Fields", "Data File Fields",
// "Manifest Lists".
test('manifest columns have the field ids of the spec, by which readers find them', async () => {
  const bytes = await manifestFormat(TABLES.events).encode([], Buffer.alloc(16))
  assert.deepEqual(idsIn(await schemaOf(bytes)), [
    'status 0',
    'snapshot_id? 1',
    'sequence_number? 3',
    'file_sequence_number? 4',
    'data_file 2',
    'data_file.content 134',
    'data_file.file_path 100',
    'data_file.file_format 101',
    'data_file.partition 102',
    'data_file.partition.timestamp_day? 1000',
    'data_file.record_count 103',
    'data_file.file_size_in_bytes 104',
    'data_file.column_sizes? 108',
    'data_file.column_sizes[].key 117',
    'data_file.column_sizes[].value 118',
    'data_file.value_counts? 109',
    'data_file.value_counts[].key 119',
    'data_file.value_counts[].value 120',
    'data_file.null_value_counts? 110',
    'data_file.null_value_counts[].key 121',
    'data_file.null_value_counts[].value 122',
    'data_file.nan_value_counts? 137',
    'data_file.nan_value_counts[].key 138',
    'data_file.nan_value_counts[].value 139',
    'data_file.lower_bounds? 125',
    'data_file.lower_bounds[].key 126',
    'data_file.lower_bounds[].value 127',
    'data_file.upper_bounds? 128',
    'data_file.upper_bounds[].key 129',
    'data_file.upper_bounds[].value 130',
    'data_file.key_metadata? 131',
    'data_file.split_offsets? 132',
    'data_file.split_offsets[] 133',
    'data_file.equality_ids? 135',
    'data_file.equality_ids[] 136',
    'data_file.sort_order_id? 140',
  ])
  const owner = { snapshotId: 1n, parentSnapshotId: null, sequenceNumber: 1 }
  const list = await encodeManifestList([], owner, Buffer.alloc(16))
  assert.deepEqual(idsIn(await schemaOf(list)), [
    'manifest_path 500',
    'manifest_length 501',
    'partition_spec_id 502',
    'content 517',
    'sequence_number 515',
    'min_sequence_number 516',
    'added_snapshot_id 503',
    'added_files_count 504',
    'existing_files_count 505',
    'deleted_files_count 506',
    'added_rows_count 512',
    'existing_rows_count 513',
    'deleted_rows_count 514',
    'partitions? 507',
    'partitions[] 508',
    'partitions[].contains_null 509',
    'partitions[].contains_nan? 518',
    'partitions[].lower_bound? 510',
    'partitions[].upper_bound? 511',
    'key_metadata? 519',
  ])
})
