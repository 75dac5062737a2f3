/** Spark from PyPI, with Iceberg's jar from Maven, on the Java that Flink runs on. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findJava } from '../../deploy/stack/java.ts'
import { findPython } from '../../deploy/stack/python.ts'
import { installPart, runTool } from '../../deploy/stack/tools.ts'

export const SPARK_VERSION = '4.0.2'

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

/** The files of artifacts of Maven, each without what it depends on. */
export function mavenFiles(packages: readonly string[]): readonly string[] {
  return packages.flatMap((name) => {
    const folder = installPart(name.split(':')[1] ?? name, [name], (folder) => {
      const words = [`-Dartifact=${name}`, `-DoutputDirectory=${folder}`]
      runTool('mvn', ['--batch-mode', '--quiet', 'dependency:copy', ...words])
    })
    return readdirSync(folder).map((file) => join(folder, file))
  })
}

/** A documented command, with files for the packages that Spark would fetch. */
export function withFiles(command: string): string {
  return command.replace(
    /--packages (\S+)/,
    (_, packages: string) => `--jars ${mavenFiles(packages.split(',')).join(',')}`,
  )
}

/** The options of a documented command, for another program than the SQL shell. */
export function sparkOptions(command: string): readonly string[] {
  return [...withFiles(command).matchAll(/(--jars|--conf) (\S+)/g)].flatMap((found) =>
    found.slice(1),
  )
}
