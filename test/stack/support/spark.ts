/** Spark from PyPI, with Iceberg's jar from Maven, on the Java that Flink runs on. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findJava } from '../../../deploy/stack/java.ts'
import { findPython } from '../../../deploy/stack/python.ts'
import { installPart, runTool } from '../../../deploy/stack/tools.ts'

export const SPARK_VERSION = '4.0.2'
const COPY = 'dependency:copy'

/** The folder of an environment with it, as `python -m venv` makes one. */
export function installSpark(): string {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  const name = `pyspark==${SPARK_VERSION}`
  const install = (folder: string): void => {
    runTool(findPython(), ['-m', 'venv', folder])
    runTool(join(folder, 'bin/python'), [...pip, name])
  }
  return installPart('spark', [name], install, { isInPlace: true })
}

/** Two threads, and no address but the machine's own. */
export function sparkEnvironment(folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    JAVA_HOME: findJava(17, 17),
    MASTER: 'local[2]',
    SPARK_LOCAL_IP: '127.0.0.1',
    PYSPARK_PYTHON: join(folder, 'bin/python'),
  }
}

/** The files of `--packages`, which Spark would fetch itself. */
export function sparkPackages(packages: readonly string[]): readonly string[] {
  return packages.flatMap((name) => {
    const folder = installPart(name.split(':')[1] ?? name, [name], (folder) => {
      runTool('mvn', ['--batch-mode', '--quiet', COPY, `-Dartifact=${name}`, `-DoutputDirectory=${folder}`])
    })
    return readdirSync(folder).map((file) => join(folder, file))
  })
}

/** The settings of a documented command, with files for the packages that Spark would fetch. */
export function sparkSettings(command: string): readonly string[] {
  const [, packages = ''] = /--packages (\S+)/.exec(command) ?? []
  const settings = [...command.matchAll(/--conf (\S+)/g)].flatMap(([, one = '']) => ['--conf', one])
  return ['--jars', sparkPackages(packages.split(',')).join(','), ...settings]
}
