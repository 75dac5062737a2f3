/** Spark's SQL shell, with the documented command. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { documentedLines, type Row, type Table } from '../interop/documented.ts'
import { BOTH, type Reader } from './reader.ts'
import { installSpark, SPARK_VERSION, sparkEnvironment, withFiles } from './spark-install.ts'

const LIMITS = { timeout: 900_000, maxBuffer: 2 ** 28 }
/** The shell prints no header by default. */
const COLUMNS: Readonly<Record<Table, readonly string[]>> = {
  campaign_metrics: [
    ...['campaign_id', 'window_start', 'window_end', 'impressions', 'clicks', 'conversions'],
    ...['revenue', 'ctr_percent', 'cvr_percent', 'processed_at'],
  ],
  campaign_events: [
    ...['event_id', 'user_id', 'campaign_id', 'event_type', 'timestamp', 'revenue'],
    ...['platform', 'country', 'device_type'],
  ],
}

export const spark: Reader = {
  name: 'Spark',
  states: BOTH,
  async open(site) {
    const environment = sparkEnvironment(installSpark())
    return {
      version: SPARK_VERSION,
      async rows(state, table) {
        const [lines] = documentedLines('Spark', state, site, table)
        const command = withFiles(lines?.text ?? '')
        const options = { ...LIMITS, cwd: site.folder.path, env: environment }
        const { stdout } = await promisify(execFile)('bash', ['-c', command], options)
        return stdout
          .split('\n')
          .filter((line) => line.includes('\t'))
          .map(rowOf(table))
      },
    }
  },
}

function rowOf(table: Table): (line: string) => Row {
  return (line) => {
    const values = line.split('\t')
    return Object.fromEntries(COLUMNS[table].map((column, at) => [column, values[at]]))
  }
}
