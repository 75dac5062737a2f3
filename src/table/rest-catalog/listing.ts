/**
 * Listings in pages. Without `pageSize` everything is in one answer. The page token is the name of
 * the last entry of the page before, so that a page follows it whatever else is added.
 */
export type Page<T> = Readonly<{ entries: readonly T[]; 'next-page-token': string | null }>

/** null = the query asks for a page that cannot be. */
export function pageOf<T>(
  entries: readonly T[],
  nameOf: (entry: T) => string,
  query: URLSearchParams,
): Page<T> | null {
  const token = query.get('pageToken') ?? ''
  const sizeText = query.get('pageSize') ?? ''
  const size = sizeText === '' ? entries.length : Number(sizeText)
  const after = entries.findIndex((entry) => tokenOf(nameOf(entry)) === token)
  if (token !== '' && after === -1) return null
  if (sizeText !== '' && (!/^\d+$/.test(sizeText) || size === 0)) return null
  const page = entries.slice(after + 1, after + 1 + size)
  const last = page.at(-1)
  const isEnd = last === undefined || last === entries.at(-1)
  return { entries: page, 'next-page-token': isEnd ? null : tokenOf(nameOf(last)) }
}

function tokenOf(name: string): string {
  return Buffer.from(name).toString('base64url')
}
