/**
 * The SDK as a script for pages (scripts/build-script.ts), read once and served from memory.
 *
 *     GET /sdk.js            the current one, cached for five minutes
 *     GET /sdk-HASH.js       one for `integrity`, which never changes: the current one, and those
 *                            of released versions
 *
 * HASH is the start of the SHA-256 of its bytes. `Content-Location` of `/sdk.js` tells it. Open to
 * every page of every origin.
 */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Codings, chooseCoding, readCodings } from './content-coding.ts'
import { headerText, orNotModified, otherMethod } from './read-answer.ts'
import type { ReadAnswer, ReadRequest, ReadRoute } from './read-route.ts'

type Script = Readonly<{ hash: string; bodies: Codings; cacheControl: string }>

const BUILD = new URL('./build/', import.meta.url)
const CURRENT = 'sdk.js'
const RELEASED = /^sdk-[0-9a-f]{16}\.js$/
const HASH_LENGTH = 16
const FIVE_MINUTES = 'public, max-age=300'
const FOREVER = 'public, max-age=31536000, immutable'
const METHODS: readonly string[] = ['GET', 'HEAD']
const EVERY_PAGE = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  vary: 'Accept-Encoding',
}

/** Without a build there are no such routes. */
export async function openScriptRoutes(): Promise<readonly ReadRoute[]> {
  const folder = fileURLToPath(BUILD)
  const names = await readdir(folder).catch(() => [])
  const scripts = new Map<string, Script>()
  for (const name of names.filter((name) => name === CURRENT || RELEASED.test(name))) {
    const bodies = await readCodings(join(folder, name))
    const hash = hashOf(bodies.get('identity') ?? new Uint8Array(0))
    scripts.set(`sdk-${hash}.js`, { hash, bodies, cacheControl: FOREVER })
    if (name === CURRENT) scripts.set(name, { hash, bodies, cacheControl: FIVE_MINUTES })
  }
  return [...scripts].map(([name, script]) => ({
    prefix: `/${name}`,
    isExact: true,
    access: 'open',
    answer: (request) => answerScript(script, request),
  }))
}

function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex').slice(0, HASH_LENGTH)
}

function answerScript(
  { hash, bodies, cacheControl }: Script,
  { method, headers }: ReadRequest,
): ReadAnswer {
  if (!METHODS.includes(method)) return otherMethod(METHODS, EVERY_PAGE)
  const coding = chooseCoding(bodies, headerText(headers['accept-encoding']))
  const answer = {
    status: 200,
    headers: {
      ...EVERY_PAGE,
      'cache-control': cacheControl,
      'content-location': `sdk-${hash}.js`,
      'content-type': 'text/javascript; charset=utf-8',
      ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    },
    body: bodies.get(coding) ?? new Uint8Array(0),
  }
  return orNotModified(answer, `"${hash}-${coding}"`, headerText(headers['if-none-match']))
}
