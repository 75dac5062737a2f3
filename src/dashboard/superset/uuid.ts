/**
 * The UUIDs of our assets in Superset: made from their names, so that an import finds what an earlier one made, and
 * recognisable as ours, so that what a later version no longer has can be removed.
 *
 *     cc3a0d5e-9f1c-8xxx-vxxx-xxxxxxxxxxxx     RFC 9562, version 8: 48 bits say "ours", 74 bits are a hash of the name
 */
import { createHash } from 'node:crypto'

export type AssetKind = 'database' | 'dataset' | 'chart' | 'dashboard'

/** Never to be changed: Superset would hold every asset twice. */
const OURS = hashOf('campaign-metrics: assets in Superset').slice(0, 12)

export function assetUuid(kind: AssetKind, name: string): string {
  const hash = hashOf(`${kind}/${name}`)
  const variant = (8 + (Number.parseInt(hash.slice(3, 4), 16) & 3)).toString(16)
  return [
    OURS.slice(0, 8),
    OURS.slice(8, 12),
    `8${hash.slice(0, 3)}`,
    `${variant}${hash.slice(4, 7)}`,
    hash.slice(7, 19),
  ].join('-')
}

export function isOurUuid(uuid: string): boolean {
  return uuid.toLowerCase().startsWith(`${OURS.slice(0, 8)}-${OURS.slice(8, 12)}-8`)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
