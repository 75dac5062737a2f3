/** The engines that are Python packages, in one environment of their own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPython } from '../../deploy/stack/python.ts'
import { installPart, runTool } from '../../deploy/stack/tools.ts'
import { hyparquetRows, printedRows } from '../interop/documented.ts'
import { REQUIREMENTS } from '../interop/python.ts'
import { BOTH, type Reader } from './reader.ts'

const FURTHER_REQUIREMENTS = join(import.meta.dirname, 'requirements.txt')
const HYPARQUET = join(import.meta.dirname, '../../node_modules/hyparquet/package.json')
/** The engines of docs/reading.md, and what their packages are called. */
const PACKAGES: Readonly<Record<string, string>> = {
  PyIceberg: 'pyiceberg',
  DuckDB: 'duckdb',
  Polars: 'polars',
  Daft: 'daft',
  DataFusion: 'datafusion',
  ClickHouse: 'chdb',
}

export const pythonReaders: readonly Reader[] = Object.entries(PACKAGES).map(
  ([name, packageName]): Reader => ({
    name,
    states: BOTH,
    async open(site) {
      const python = installPythonReaders()
      const words = ['-c', 'import sys, importlib.metadata as m; print(m.version(sys.argv[1]))']
      const version = runTool(python, [...words, packageName]).trim()
      return {
        version: `${packageName} ${version}`,
        rows: (state, table) => printedRows(python, name, site, state, table),
      }
    },
  }),
)

export const hyparquet: Reader = {
  name: 'hyparquet',
  states: BOTH,
  async open(site) {
    const python = installPythonReaders()
    const { version } = JSON.parse(readFileSync(HYPARQUET, 'utf8'))
    return {
      version,
      rows: (state, table) => hyparquetRows(python, 'hyparquet', site, state, table),
    }
  },
}

/** The interpreter with all of them. */
function installPythonReaders(): string {
  const requirements = [REQUIREMENTS, FURTHER_REQUIREMENTS]
  const texts = requirements.map((file) => readFileSync(file, 'utf8'))
  const install = (folder: string): void => {
    runTool(findPython(), ['-m', 'venv', folder])
    const files = requirements.flatMap((file) => ['--requirement', file])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    runTool(join(folder, 'bin/python'), [...pip, ...files])
  }
  const folder = installPart('python-readers', texts, install, { isInPlace: true })
  return join(folder, 'bin/python')
}
