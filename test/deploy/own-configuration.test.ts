/** What `npm run stack -- up` writes for our own commands. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { writeConfiguration } from '../../deploy/stack/own-configuration.ts'
import { describeStack } from '../../deploy/stack/stack.ts'
import { loadConfig } from '../../src/config.ts'
import { makeScratchFolder } from '../support/scratch.ts'

test('the configuration that a native stack writes is complete and names its addresses', (t) => {
  const folder = `${makeScratchFolder('own-configuration', t)}/it's a folder`
  mkdirSync(folder)
  const stack = describeStack({ services: [], folder, portBase: 18_000 })
  const { config, environment } = writeConfiguration(stack, folder)
  assert.equal(statSync(environment).mode & 0o777, 0o600)
  const script = `. "$1" && exec "$2" -p 'JSON.stringify(process.env)'`
  const words = ['-c', script, 'sh', environment, process.execPath]
  const environmentSet = JSON.parse(execFileSync('sh', words, { env: {}, encoding: 'utf8' }))
  const loaded = loadConfig(config, environmentSet)
  assert.equal(loaded.listen.port, Number(stack.address('collector').split(':')[1]))
  assert.equal(loaded.flink?.gateway, `http://${stack.address('sql-gateway')}`)
  assert.equal(loaded.trino?.url, `http://${stack.address('trino')}`)
  assert.equal(loaded.superset?.password, 'admin')
  assert.ok(loaded.rejectedDirectory.startsWith(folder))
})
