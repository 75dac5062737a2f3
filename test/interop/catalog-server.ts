/** The REST catalog of a lake behind a server of its own, without the rest of the product. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { answerRestCatalog, type LakePlaces, openLakeReader } from '../../src/table.ts'

const MOUNT = '/iceberg'

/** Its address, until the test ends. */
export async function serveCatalog(places: LakePlaces, t: TestContext): Promise<string> {
  const lake = openLakeReader(places)
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
    const path = pathname.slice(MOUNT.length)
    const answer = await answerRestCatalog(
      { method: request.method ?? 'GET', path, query: searchParams },
      lake,
      { reason: 'nobody writes here' },
    )
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return `http://127.0.0.1:${address.port}${MOUNT}`
}
