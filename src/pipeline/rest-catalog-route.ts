/** The Iceberg REST catalog on the collector's listener: `http://127.0.0.1:8088/iceberg`. */
import type { ReadRoute } from '../collect.ts'
import { answerRestCatalog, type LakePlaces, openLakeReader } from '../table.ts'

const PREFIX = '/iceberg'

export function restCatalogRoute(places: Pick<LakePlaces, 'catalog' | 'warehouse'>): ReadRoute {
  const lake = openLakeReader(places)
  return {
    prefix: PREFIX,
    answer: ({ method, path, query }) =>
      answerRestCatalog({ method, path: path.slice(PREFIX.length), query }, lake),
  }
}
