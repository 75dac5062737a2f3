/** "Campaign Performance" in Superset. */
import type { Config } from '../config.ts'
import { setUpSuperset } from '../dashboard.ts'
import type { SetupOutcome, SetupPart, SetupWorld } from './set-up.ts'

const NAME = 'Campaign Performance'
const DRY: Readonly<Record<string, SetupOutcome>> = {
  found: 'found',
  made: 'missing',
  changed: 'differs',
}

export async function setUpDashboard(
  { superset, trino }: Config,
  { mode }: SetupWorld,
): Promise<readonly SetupPart[]> {
  if (superset === null || trino === null) return []
  const { url, assets } = await setUpSuperset({
    superset,
    database: { ...trino, trinoUrl: superset.trinoUrl },
    isDryRun: mode === 'look',
  })
  const changed = assets.filter(({ outcome }) => outcome !== 'found')
  const outcome =
    changed.length === 0 ? 'found' : changed.length < assets.length ? 'changed' : 'made'
  const remarks = [
    url.replace(superset.url, superset.publicUrl),
    ...(outcome === 'changed'
      ? changed.map(({ kind, name, outcome: of }) => `${kind} ${name}: ${of}`)
      : []),
  ]
  const told = mode === 'look' ? (DRY[outcome] ?? outcome) : outcome
  return [{ part: 'dashboard', name: NAME, outcome: told, remarks }]
}
