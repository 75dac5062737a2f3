/**
 * The description is whole and right: each route stands in it, and nothing in it that is not there.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CHANGE_IDS, MEASURE_IDS, RANGES } from '../../../src/dashboard-definition/definition.ts'
import { EVENT_FILTER_IDS, FILTER_IDS } from '../../../src/dashboard-definition/filters.ts'
import { event, post } from '../../collect/harness.ts'
import { QUESTIONS } from '../questions.ts'
import { openShown, type Shown } from './harness.ts'
import { DESCRIPTION, expectDescribed, type Parameter } from './openapi.ts'

/**
 * What the collector and the dashboard serve for everybody, by method; the page and the Iceberg
 * catalog are no part of the API.
 */
const SERVED: Readonly<Record<string, readonly string[]>> = {
  '/api/v1/settings': ['get'],
  '/api/v1/summary': ['get'],
  '/api/v1/trend': ['get'],
  '/api/v1/revenue': ['get'],
  '/api/v1/breakdown': ['get'],
  '/api/v1/campaigns': ['get'],
  '/api/v1/campaigns.csv': ['get'],
  '/api/v1/values': ['get'],
  '/api/v1/stream': ['get'],
  '/api/v1/session': ['delete', 'post'],
  '/api/v1/openapi.json': ['get'],
  '/v1/events': ['post'],
  '/v1/status': ['get'],
  '/healthz': ['get'],
  '/metrics': ['get'],
}

let world: Shown
before(async () => {
  world = await openShown()
})
after(() => world.close())

test('each route stands in it with its methods, and no other', () => {
  const described = Object.entries(DESCRIPTION.paths).map(([path, operations]) => [
    path,
    Object.keys(operations).sort(),
  ])
  assert.deepEqual(Object.fromEntries(described), SERVED)
})

test('each path and method in it is answered, and every other method is 405', async () => {
  for (const [path, methods] of Object.entries(SERVED)) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      const controller = new AbortController()
      const reply = await fetch(world.collector.url + path, { method, signal: controller.signal })
      const isThere = methods.includes(method.toLowerCase())
      assert.equal(reply.status === 405, !isThere, `${method} ${path} is ${reply.status}`)
      assert.notEqual(reply.status, 404, `${method} ${path}`)
      if (!isThere) {
        const allowed = (reply.headers.get('allow') ?? '').toLowerCase()
        for (const one of methods) assert.ok(allowed.includes(one), `${path}: ${allowed}`)
      }
      controller.abort()
    }
  }
})

test('each filter is a parameter of every question and a list of values', () => {
  const { parameters, schemas } = DESCRIPTION.components as Readonly<{
    parameters: Readonly<Record<string, Parameter>>
    schemas: Readonly<{ Values: Readonly<{ required: string[]; properties: object }> }>
  }>
  const named = Object.values(parameters)
  const filters = named.filter(({ name }) => (FILTER_IDS as readonly string[]).includes(name))
  assert.deepEqual(
    filters.map(({ name }) => name),
    FILTER_IDS,
  )
  const { required, properties } = schemas.Values
  assert.deepEqual([required, Object.keys(properties)], [EVENT_FILTER_IDS, EVENT_FILTER_IDS])
  for (const question of QUESTIONS) {
    const taken = JSON.stringify(DESCRIPTION.paths[`/api/v1/${question}`]?.get?.parameters)
    for (const id of FILTER_IDS) {
      const reference = `#/components/parameters/${id[0]?.toUpperCase()}${id.slice(1)}`
      assert.ok(taken.includes(reference), `${question} takes ${id}`)
    }
  }
})

test('it is served as it stands in the sources', async () => {
  const reply = await world.ask('/api/v1/openapi.json')
  assert.deepEqual(JSON.parse(reply.text), DESCRIPTION)
})

test('what the definition knows, its parameters take', () => {
  const { Range, Sort } = DESCRIPTION.components.parameters as Record<
    string,
    { schema: { enum: string[] } }
  >
  assert.deepEqual(
    Range?.schema.enum,
    RANGES.map(({ id }) => id),
  )
  assert.deepEqual(Sort?.schema.enum, ['campaign', ...MEASURE_IDS, ...CHANGE_IDS])
})

test('all references exist, every object is closed, every answer has a description', () => {
  const faults: string[] = []
  const visit = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return
    const fields = value as Record<string, unknown>
    const { $ref } = fields
    if (typeof $ref === 'string') {
      const found = $ref
        .slice(2)
        .split('/')
        .reduce<unknown>((inside, part) => (inside as Record<string, unknown>)?.[part], DESCRIPTION)
      if (found === undefined) faults.push(`${at}: ${$ref}`)
    }
    // What is sent in may hold more; the description of itself is left to OpenAPI.
    const isOpen = at.includes('/schemas/Event') || at.includes('openapi.json')
    // Of a map the keys are open, and what they lead to is described.
    const isMap = typeof fields.additionalProperties === 'object'
    const isClosed = fields.additionalProperties === false || isMap
    if (fields.type === 'object' && !isClosed && !isOpen) {
      faults.push(`${at} takes any field`)
    }
    for (const [name, inside] of Object.entries(fields)) visit(inside, `${at}/${name}`)
  }
  visit(DESCRIPTION, '')
  assert.deepEqual(faults, [])
  for (const [path, operations] of Object.entries(DESCRIPTION.paths)) {
    for (const operation of Object.values(operations)) {
      for (const [status, response] of Object.entries(operation.responses)) {
        assert.ok('$ref' in response || 'description' in response, `${path} ${status}`)
      }
    }
  }
})

test('what the collector itself answers is as described', async () => {
  const { collector } = world
  const bodies = [event('described'), `[${event('a')},{}]`, '[', '', `[${'{},'.repeat(1500)}{}]`]
  for (const body of bodies) {
    const {
      status,
      headers,
      body: answer,
    } = await post(collector, body, {
      'content-type': 'application/json',
    })
    const type = headers.get('content-type')
    expectDescribed('POST', '/v1/events', { status, type, text: JSON.stringify(answer) })
  }
  for (const path of ['/healthz', '/metrics']) {
    const reply = await fetch(collector.url + path)
    const type = reply.headers.get('content-type')
    expectDescribed('GET', path, { status: reply.status, type, text: await reply.text() })
  }
  const text = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body: 'x',
  })
  assert.equal(text.status, 415)
  expectDescribed('POST', '/v1/events', {
    status: text.status,
    type: text.headers.get('content-type'),
    text: await text.text(),
  })
})
