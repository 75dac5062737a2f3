/** The Iceberg REST catalog on the collector's listener: `http://127.0.0.1:8088/iceberg`. */
import type { ReadRoute } from '../collect.ts'
import { answerRestCatalog, openLakeReader } from '../table.ts'

const PREFIX = '/iceberg'

export function restCatalogRoute(catalogPath: string): ReadRoute {
  const lake = openLakeReader(catalogPath)
  return {
    prefix: PREFIX,
    answer: ({ method, path, query }) =>
      answerRestCatalog({ method, path: path.slice(PREFIX.length), query }, lake),
  }
}
