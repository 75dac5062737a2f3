/**
 * What stands in Superset, as its REST interface lists it: every object with its id and the time of
 * its last change.
 */

export type Account = Readonly<{ user: string; password: string }>

type Listed = Readonly<{ id: number; changed_on_utc?: string; changed_on?: string }>

const KINDS = ['database', 'dataset', 'chart', 'dashboard'] as const
const PAGE = '(page_size:100)'

export async function signIn(url: string, { user, password }: Account): Promise<string> {
  const answer = await fetch(`${url}/api/v1/security/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password, provider: 'db' }),
  })
  if (!answer.ok) throw new Error(`Superset's login answered ${answer.status}`)
  return ((await answer.json()) as { access_token: string }).access_token
}

export async function listAssets(url: string, account: Account): Promise<readonly string[]> {
  const authorization = `Bearer ${await signIn(url, account)}`
  const assets: string[] = []
  for (const kind of KINDS) {
    const answer = await fetch(`${url}/api/v1/${kind}/?q=${PAGE}`, { headers: { authorization } })
    if (!answer.ok) throw new Error(`${kind} answered ${answer.status}`)
    const { result } = (await answer.json()) as { result: readonly Listed[] }
    for (const { id, changed_on_utc, changed_on } of result) {
      assets.push(`${kind} ${id} ${changed_on_utc ?? changed_on}`)
    }
  }
  return assets.sort()
}

/**
 * Sums and ratios by campaign as Superset's chart interface computes them: the metrics of the
 * dataset, which every chart is made of.
 */
export async function campaignRows(
  url: string,
  account: Account,
  metrics: readonly string[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const authorization = `Bearer ${await signIn(url, account)}`
  const filter = encodeURIComponent("(filters:!((col:table_name,opr:eq,value:'campaign_metrics')))")
  const found = await fetch(`${url}/api/v1/dataset/?q=${filter}`, { headers: { authorization } })
  const { ids } = (await found.json()) as { ids: readonly number[] }
  if (ids.length !== 1) throw new Error(`${ids.length} datasets are called campaign_metrics`)
  const answer = await fetch(`${url}/api/v1/chart/data`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      datasource: { id: ids[0], type: 'table' },
      force: true,
      queries: [{ columns: ['campaign_id'], metrics, row_limit: 100 }],
    }),
  })
  if (!answer.ok) throw new Error(`chart data answered ${answer.status}: ${await answer.text()}`)
  const { result } = (await answer.json()) as {
    result: readonly Readonly<{ data: readonly Readonly<Record<string, unknown>>[] }>[]
  }
  return result[0]?.data ?? []
}
