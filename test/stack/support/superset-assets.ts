/** What stands in Superset, as its REST interface lists it: every object with its id and the time of its last change. */

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

/** The rows of a chart as Superset's own interface gives them, by the query that the chart was saved with. */
export async function chartRows(
  url: string,
  account: Account,
  chart: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const authorization = `Bearer ${await signIn(url, account)}`
  const filter = encodeURIComponent(`(filters:!((col:slice_name,opr:eq,value:'${chart}')))`)
  const found = await fetch(`${url}/api/v1/chart/?q=${filter}`, { headers: { authorization } })
  const { ids } = (await found.json()) as { ids: readonly number[] }
  if (ids.length !== 1) throw new Error(`${ids.length} charts are called ${chart}`)
  const answer = await fetch(`${url}/api/v1/chart/${ids[0]}/data/?force=true`, {
    headers: { authorization },
  })
  if (!answer.ok) throw new Error(`the chart's data answered ${answer.status}`)
  const { result } = (await answer.json()) as {
    result: readonly Readonly<{ data: readonly Readonly<Record<string, unknown>>[] }>[]
  }
  return result[0]?.data ?? []
}
