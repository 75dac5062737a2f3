/**
 * A catalog for the compatibility kit, whose tests create tables of their own. Requests are
 * answered by the product's REST catalog, with the kit's namespaces and tables as its directory,
 * but for what it refuses because it has two tables and no others (`supplied.ts`).
 */
import { type Fields, parseFields } from '../../src/table/client-commit.ts'
import { answerRestCatalog, type RestAnswer, type RestRequest } from '../../src/table.ts'
import { openScratchTables, type ScratchTables } from './scratch-tables.ts'
import { NAMESPACE_PATH, SUPPLIED } from './supplied.ts'

export type ScratchCatalog = Readonly<{ answer(request: RestRequest): Promise<RestAnswer> }>

export function openScratchCatalog(folder: string): ScratchCatalog {
  const tables = openScratchTables(folder)
  return {
    async answer(request) {
      const segments = segmentsOf(request.path)
      const [, , namespace = '', , name = ''] = segments
      const asked = { namespace, name }
      const supplied = SUPPLIED.find(
        ({ method, path }) => method === request.method && fits(path, segments),
      )?.answer(tables, { ...asked, json: jsonOf(request) })
      if (supplied) return supplied
      const answer = await answerRestCatalog(
        request,
        tables.reader(asked),
        tables.writer(asked),
        tables.directory(asked),
      )
      if (request.method !== 'GET' || answer.status !== 200) return answer
      return { ...answer, body: completed(tables, segments, answer.body ?? '') }
    },
  }
}

function segmentsOf(path: string): readonly string[] {
  const segments = path.replace(/^\/+/, '').replace(/\/+$/, '').split('/')
  return segments.map((segment) => decodeURIComponent(segment))
}

function fits(path: string, segments: readonly string[]): boolean {
  const parts = path.split('/')
  const matches = (part: string, index: number): boolean =>
    part.startsWith('{') || part === segments[index]
  return parts.length === segments.length && parts.every(matches)
}

function jsonOf({ body }: RestRequest): Fields {
  const text = Buffer.from(body ?? []).toString()
  return text === '' ? {} : (parseFields(text) as Fields)
}

/** With the endpoints that are supplied, and with the properties of a namespace. */
function completed(tables: ScratchTables, segments: readonly string[], body: string): string {
  if (fits('v1/config', segments)) {
    const { endpoints, ...others } = JSON.parse(body)
    const supplied = SUPPLIED.map(({ method, path }) => `${method} /${pathInSpec(path)}`)
    return JSON.stringify({ ...others, endpoints: [...new Set([...endpoints, ...supplied])] })
  }
  const found = fits(NAMESPACE_PATH, segments) && tables.namespaces.get(segments[2] ?? '')
  return found ? JSON.stringify({ ...JSON.parse(body), properties: found.properties }) : body
}

function pathInSpec(path: string): string {
  return path.replace('v1/', 'v1/{prefix}/').replace('{name}', '{table}')
}
