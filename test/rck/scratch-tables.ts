/**
 * The namespaces and tables of the compatibility kit: names in memory, metadata files on the disk,
 * behind the same contracts that the product's lake is behind. Requirements and updates of a commit
 * are held against a table's metadata by the product; the rules of its two tables
 * (`client-commit/fit.ts`) do not apply to these.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { stringifyExact } from '../../src/runtime.ts'
import { applyChange, parseFields } from '../../src/table/client-commit.ts'
import type { TableKey } from '../../src/table/definition.ts'
import { locationOf, pathOf } from '../../src/table/location.ts'
import { type Directory, LEVEL_SEPARATOR } from '../../src/table/rest-catalog/directory.ts'
import { openDiskStorage } from '../../src/table/storage/disk.ts'
import type { TableMetadataText } from '../../src/table/table-metadata.ts'
import type { LakeReader, LakeWriter } from '../../src/table.ts'
import type { Created } from './created-table.ts'

export type Namespace = Readonly<{
  properties: Record<string, string>
  /** Where the current metadata of each is. */
  tables: Map<string, string>
}>

/** A namespace's levels are joined as in a path. */
export type Identifier = Readonly<{ namespace: string; name: string }>

export type ScratchTables = Readonly<{
  namespaces: Map<string, Namespace>
  pointerOf(table: Identifier): string | undefined
  /** A place of its own, whatever tables of this name there were. */
  newLocation(table: Identifier): string
  /** Writes the metadata file that follows, and makes it the current one. */
  save(table: Identifier, metadata: Created): TableMetadataText
  /** For a request that names this table. */
  directory(asked: Identifier): Directory
  reader(asked: Identifier): LakeReader
  writer(asked: Identifier): LakeWriter
}>

/** The table that a request names. */
const ASKED: TableKey = 'events'
/** All others: they are only listed. */
const LISTED: TableKey = 'metrics'
const NUMBER_DIGITS = 5

export function openScratchTables(folder: string): ScratchTables {
  const storage = openDiskStorage()
  const namespaces = new Map<string, Namespace>()

  const pointerOf = ({ namespace, name }: Identifier): string | undefined =>
    namespaces.get(namespace)?.tables.get(name)

  function locate(table: Identifier): string {
    const pointer = pointerOf(table)
    if (pointer === undefined) throw new Error(`there is no table ${shown(table)}`)
    return pointer
  }

  function save(table: Identifier, fields: Created): TableMetadataText {
    const before = pointerOf(table)
    const number = before === undefined ? 0 : Number.parseInt(basename(before), 10) + 1
    const file = `${String(number).padStart(NUMBER_DIGITS, '0')}-${randomUUID()}.metadata.json`
    const metadataLocation = `${fields.location}/metadata/${file}`
    const metadata = stringifyExact(fields)
    mkdirSync(dirname(pathOf(metadataLocation)), { recursive: true })
    writeFileSync(pathOf(metadataLocation), metadata)
    namespaces.get(table.namespace)?.tables.set(table.name, metadataLocation)
    return { metadataLocation, metadata }
  }

  return {
    namespaces,
    pointerOf,
    newLocation: ({ namespace, name }) =>
      locationOf(`${folder}/${namespace}/${name}-${randomUUID()}`),
    save,
    directory(asked) {
      const keyOf = (namespace: string, name: string): TableKey =>
        namespace === asked.namespace && name === asked.name ? ASKED : LISTED
      return new Map(
        [...namespaces].map(([namespace, { tables }]) => [
          namespace,
          new Map([...tables.keys()].map((name) => [name, keyOf(namespace, name)])),
        ]),
      )
    },
    reader: (asked) => ({
      warehouse: locationOf(folder),
      locate: async () => locate(asked),
      async loadMetadata() {
        const metadataLocation = locate(asked)
        const metadata = await storage.read(pathOf(metadataLocation))
        return { metadataLocation, metadata: metadata.toString('utf8') }
      },
    }),
    writer: (asked) => ({
      expect: async () => {},
      async commit(changes) {
        const base = locate(asked)
        const fields = parseFields(readFileSync(pathOf(base), 'utf8')) as Created
        const replaced = { 'timestamp-ms': fields['last-updated-ms'], 'metadata-file': base }
        for (const change of changes) {
          const refusal = applyChange(shown(asked), fields, change, Date.now())
          if (refusal !== null) return refusal
        }
        fields['metadata-log'].push(replaced)
        return { kind: 'committed', tables: { [ASKED]: save(asked, fields) } }
      },
    }),
  }
}

export function shown({ namespace, name }: Identifier): string {
  return `${shownNamespace(namespace)}.${name}`
}

export function shownNamespace(namespace: string): string {
  return namespace.replaceAll(LEVEL_SEPARATOR, '.')
}
