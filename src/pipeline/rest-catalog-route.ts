/** The Iceberg REST catalog on the collector's listener. */
import type { ReadRoute } from '../collect.ts'

export function restCatalogRoute(catalogPath: string): ReadRoute {
  return {
    prefix: '/iceberg',
    answer: () => ({ status: 501, body: JSON.stringify({ catalogPath }) }),
  }
}
