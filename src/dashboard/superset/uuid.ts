/**
 * The UUIDs of our assets in Superset. They are made from names, so that an import finds the assets
 * of an earlier one, and recognisable as ours, so that a later version can remove stale assets.
 *
 *     cc3a0d5e-9f1c-8xxx-vxxx-xxxxxxxxxxxx     RFC 9562, version 8
 *     └─ "ours" ──┘  └─ hash of the name ┘     48 and 74 bits
 */
import { createHash } from 'node:crypto'

export type AssetKind = 'database' | 'dataset' | 'chart' | 'dashboard'

/** Must never change: Superset would then have every asset twice. */
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
