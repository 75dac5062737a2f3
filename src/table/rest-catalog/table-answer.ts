/**
 * The answer to `loadTable`: metadata, settings, and a tag by which a client asks whether anything
 * has changed.
 *
 * Table metadata is passed on as the text of its file. Only `snapshots=refs` changes it: of the
 * snapshots those are left that a branch or a tag refers to, and clients ask for all of them when
 * they need the history.
 */
import { createHash } from 'node:crypto'
import { parseExact, stringifyExact } from '../../runtime.ts'
import type { TableMetadataText } from '../table-metadata.ts'
import type { LakeReader } from './lake-reader.ts'

export type SnapshotMode = 'all' | 'refs'

type SnapshotFields = Readonly<{ 'snapshot-id': bigint }>
type MetadataFields = Readonly<{
  'current-snapshot-id'?: bigint | null
  refs?: Readonly<Record<string, SnapshotFields>>
  snapshots?: readonly SnapshotFields[]
}>

/** null = there is no such mode. */
export function snapshotModeOf(query: URLSearchParams): SnapshotMode | null {
  const mode = (query.get('snapshots') ?? 'all').toLowerCase()
  return mode === 'all' || mode === 'refs' ? mode : null
}

/** The body of a LoadTableResult. */
export function tableBody(
  { metadataLocation, metadata }: TableMetadataText,
  { settings = {} }: LakeReader,
  mode: SnapshotMode,
): string {
  const shown = mode === 'refs' ? onlyReferenced(metadata) : metadata
  return (
    `{"metadata-location":${JSON.stringify(metadataLocation)},"metadata":${shown},` +
    `"config":${JSON.stringify(settings)}}`
  )
}

/** The body of a CommitTableResponse. */
export function committedBody({ metadataLocation, metadata }: TableMetadataText): string {
  return `{"metadata-location":${JSON.stringify(metadataLocation)},"metadata":${metadata}}`
}

/** Weak, since an answer has the same tag compressed or not. */
export function tagOf(
  metadataLocation: string,
  { settings = {} }: LakeReader,
  mode: SnapshotMode,
): string {
  const content = JSON.stringify([metadataLocation, mode, settings])
  return `W/"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`
}

/** Whether a tag is among those of `If-None-Match`; `*` is any. Compared weakly (RFC 9110, 8.8). */
export function isAmongTags(tag: string, header: string | string[] | undefined): boolean {
  const sent = String(header ?? '')
    .split(',')
    .map((each) => each.trim())
  const opaque = (text: string): string => text.replace(/^W\//, '')
  return sent.some((each) => each === '*' || opaque(each) === opaque(tag))
}

/** Digit by digit: snapshot ids have 63 bits, which JSON.parse would round. */
function onlyReferenced(metadata: string): string {
  const fields = parseExact(metadata, SNAPSHOT_IDS) as MetadataFields
  const { refs = {}, snapshots = [], 'current-snapshot-id': current } = fields
  const referenced = new Set(Object.values(refs).map((ref) => ref['snapshot-id']))
  if (current !== undefined && current !== null) referenced.add(current)
  const left = snapshots.filter((snapshot) => referenced.has(snapshot['snapshot-id']))
  return stringifyExact({ ...fields, snapshots: left })
}

const SNAPSHOT_IDS = ['snapshot-id', 'parent-snapshot-id', 'current-snapshot-id']
