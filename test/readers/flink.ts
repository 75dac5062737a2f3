/** Flink's SQL, through its gateway, with SQLite's driver for the catalog of a stopped process. */
import { openGatewaySession } from '../../src/flink.ts'
import {
  documentedLines,
  type Row,
  type Site,
  type State,
  type Table,
} from '../interop/documented.ts'
import { openOwnFlink } from '../stack/support/own-stack.ts'
import { BOTH, type Reader } from './reader.ts'
import { mavenFiles } from './spark-install.ts'

const DRIVER = 'org.xerial:sqlite-jdbc:3.50.3.0'

export const flink: Reader = {
  name: 'Flink',
  states: BOTH,
  async open(site) {
    const stack = await openOwnFlink(mavenFiles([DRIVER]))
    const url = `http://${stack.address('sql-gateway')}`
    return {
      version: stack.values.FLINK_VERSION ?? '',
      rows: (state, table) => rowsOf(url, site, state, table),
      close: () => stack.close(),
    }
  },
}

/** The documented statements, one after the other; the last has the rows. */
async function rowsOf(
  url: string,
  site: Site,
  state: State,
  table: Table,
): Promise<readonly Row[]> {
  const [lines] = documentedLines('Flink', state, site, table)
  // Relative paths are those of the gateway's folder.
  const text = (lines?.text ?? '').replace(/(?<=['":])data\//g, `${site.folder.path}/data/`)
  const session = await openGatewaySession({ url })
  try {
    let rows: readonly Row[] = []
    for (const statement of text.split(';').filter((one) => one.trim() !== '')) {
      const result = await session.execute(statement)
      rows = result.rows.map((row) =>
        Object.fromEntries(result.columns.map((column, at) => [column, row[at]])),
      )
    }
    return rows
  } finally {
    await session.close()
  }
}
