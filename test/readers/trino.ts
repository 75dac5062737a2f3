/** Trino with the documented catalog, and nothing else of the stack. */
import { documentedLines, type Row, type Table } from '../interop/documented.ts'
import { askTrino } from '../stack/support/ask-trino.ts'
import { openOwnTrino } from '../stack/support/own-stack.ts'
import type { Reader } from './reader.ts'

export const trino: Reader = {
  name: 'Trino',
  states: ['Running'],
  async open(site) {
    const [lines] = documentedLines('Trino', 'Running', site, 'campaign_metrics')
    const stack = await openOwnTrino(lines?.text ?? '')
    const address = stack.address('trino')
    return {
      version: stack.values.TRINO_VERSION ?? '',
      rows: (_, table) => rowsOf(address, table),
      close: () => stack.close(),
    }
  },
}

async function rowsOf(address: string, table: Table): Promise<readonly Row[]> {
  const described = await askTrino(address, `DESCRIBE lake.campaigns.${table}`)
  const rows = await askTrino(address, `SELECT * FROM lake.campaigns.${table}`)
  const columns = described.map(([name]) => String(name))
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])))
}
