/**
 * A client of the REST catalog, request by request, and the snapshots that it brings: data files,
 * manifests and manifest lists as another program would write them.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { TABLES } from '../../src/table/definition.ts'
import { manifestFormat, STATUS } from '../../src/table/manifest.ts'
import { encodeManifestList, manifestFileOf } from '../../src/table/manifest-list.ts'
import {
  answerRestCatalog,
  type DataFile,
  type Lake,
  type LakeReader,
  type LakeWriter,
} from '../../src/table.ts'
import { dayRows, eventRow, NOON_US } from './fixture.ts'

export const EVENTS = '/v1/namespaces/campaigns/tables/campaign_events'
export const METRICS = '/v1/namespaces/campaigns/tables/campaign_metrics'

export type Json = Record<string, unknown>
export type Answer = Readonly<{ status: number; type: unknown; message: string; json: Json }>

export type Client = Readonly<{
  post(target: string, body: unknown): Promise<Answer>
  /** The table's metadata, with ids of snapshots as texts. */
  load(target?: string): Promise<Json>
}>

export function openClient(reader: LakeReader, writer: LakeWriter): Client {
  const ask = async (method: string, target: string, body = ''): Promise<Answer> => {
    const bytes = Buffer.from(body)
    const query = new URLSearchParams()
    const request = { method, path: target, query, body: bytes, mayChangeTables: true }
    const { status, body: text } = await answerRestCatalog(request, reader, writer)
    const exact = (text ?? '{}').replace(/(snapshot-id": ?)(\d+)/g, '$1"$2"')
    const json = JSON.parse(exact) as Json
    const { type = null, message = '' } = (json.error ?? {}) as Json
    return { status, type, message: String(message), json }
  }
  return {
    post: (target, body) => ask('POST', target, wire(body)),
    async load(target = EVENTS) {
      return (await ask('GET', target)).json.metadata as Json
    },
  }
}

/** Bigints become numbers of the wire. */
export function wire(body: unknown): string {
  const text = JSON.stringify(body, (_, value) =>
    typeof value === 'bigint' ? `#${value}#` : value,
  )
  return text.replace(/"#(\d+)#"/g, '$1')
}

export type SnapshotOptions = Readonly<{
  /** It adds nothing. */
  isEmpty?: boolean
  /** Data files that it removes. */
  without?: readonly string[]
  holdsDeletes?: boolean
  file?: Partial<DataFile>
  snapshot?: Json
  /** Where the manifest is; beside the others unless given. */
  manifestFolder?: string
}>

/** A snapshot that adds one event to what is there, with its manifests, as another program would write them. */
export async function writeSnapshot(
  lake: Lake,
  eventId: string,
  options: SnapshotOptions = {},
): Promise<readonly Json[]> {
  const { events } = lake
  const sequenceNumber = events.sequenceNumber + 1
  const snapshotId = BigInt(`0x${randomUUID().slice(0, 8)}`)
  const written = await lake.writeEventsFile(dayRows([eventRow({ eventId })]))
  const file = { ...written, ...options.file }
  const numbers = { snapshotId, sequenceNumber, fileSequenceNumber: sequenceNumber }
  const entries = [
    ...events.entries
      .filter(({ file: { path: live } }) => !(options.without ?? []).includes(live))
      .map((entry) => ({ ...entry, status: STATUS.existing })),
    ...(options.isEmpty ? [] : [{ status: STATUS.added, ...numbers, file }]),
  ]
  const owner = { snapshotId, parentSnapshotId: events.snapshotId, sequenceNumber }
  const folder = options.manifestFolder ?? path.join(events.folder, 'metadata')
  const manifest = path.join(folder, `${randomUUID()}-m0.avro`)
  const bytes = await manifestFormat(TABLES.events).encode(entries, Buffer.alloc(16))
  await mkdir(folder, { recursive: true })
  await writeFile(manifest, bytes)
  const line = manifestFileOf(manifest, bytes.length, entries, owner)
  const list = path.join(events.folder, 'metadata', `snap-${snapshotId}.avro`)
  const lines = [{ ...line, holdsDeletes: options.holdsDeletes ?? false }]
  await writeFile(list, await encodeManifestList(lines, owner, Buffer.alloc(16)))
  const snapshot = {
    'snapshot-id': snapshotId,
    'parent-snapshot-id': events.snapshotId,
    'sequence-number': sequenceNumber,
    'timestamp-ms': NOON_US / 1000 + 1,
    'manifest-list': `file://${list}`,
    summary: { operation: 'append', 'added-records': '1' },
    'schema-id': 0,
    ...options.snapshot,
  }
  const ref = { 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId }
  return [
    { action: 'add-snapshot', snapshot },
    { action: 'set-snapshot-ref', ...ref },
  ]
}
