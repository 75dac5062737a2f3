/**
 * Trino's HTTP interface, followed as its documentation says: a statement is posted, and `nextUri`
 * asked until there is none.
 */
import { setTimeout as sleep } from 'node:timers/promises'

type Page = Readonly<{
  nextUri?: string
  data?: readonly (readonly unknown[])[]
  error?: Readonly<{ message: string }>
}>

const POLL_MS = 50
const PAGES_MAX = 10_000
/** A Trino that has just started has no node for a catalog until it next polls its nodes, after 5 s. */
const NO_NODES = /nodes is empty|No nodes available/
const NODE_TRIES_MAX = 20
const NODE_PAUSE_MS = 500

type Rows = readonly (readonly unknown[])[]

export async function askTrino(address: string, statement: string): Promise<Rows> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(address, statement)
    } catch (error) {
      const isEarly = error instanceof Error && NO_NODES.test(error.message)
      if (!isEarly || tries === NODE_TRIES_MAX) throw error
      await sleep(NODE_PAUSE_MS)
    }
  }
}

async function askOnce(address: string, statement: string): Promise<Rows> {
  const headers = {
    'x-trino-user': 'tests',
    'x-trino-catalog': 'lake',
    'x-trino-schema': 'campaigns',
  }
  let answer = await fetch(`http://${address}/v1/statement`, {
    method: 'POST',
    headers,
    body: statement,
  })
  const rows: (readonly unknown[])[] = []
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    if (!answer.ok) throw new Error(`Trino answered ${answer.status}: ${await answer.text()}`)
    const { nextUri, data = [], error } = (await answer.json()) as Page
    if (error !== undefined) throw new Error(`Trino: ${error.message}`)
    rows.push(...data)
    if (nextUri === undefined) return rows
    await sleep(POLL_MS)
    answer = await fetch(nextUri, { headers })
  }
  throw new Error(`Trino's answer has more than ${PAGES_MAX} pages`)
}
