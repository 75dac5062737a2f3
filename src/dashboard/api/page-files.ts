/**
 * The built page: a few files, less than a megabyte, read once and served from memory. The path of
 * a request is looked up among the known paths, never in the file system.
 *
 *     build/index.html        GET /               revalidated each time
 *     build/assets/slash.js   GET /?slash.js      its first script (see scripts/build-page.ts)
 *     build/favicon.svg       GET /favicon.svg, and others that the page names: the manifest of the
 *                             installed page and its icons
 *     build/assets/*          GET /assets/*       named by their content, cached for a year
 *     build/….br, build/….gz  the same, compressed
 */
import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import {
  type Codings,
  chooseCoding,
  headerText,
  orNotModified,
  type ReadAnswer,
  type ReadRequest,
  type ReadRoute,
  readCodings,
} from '../../collect.ts'
import { BROWSER_HEADERS, contentHash, errorAnswer, refuseMethod } from './answer.ts'

type PageFile = Readonly<{
  type: string
  cacheControl: string
  tag: string
  /** By content coding, as far as it exists. */
  bodies: Codings
}>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

const ASSETS = '/assets/'
const FOREVER = 'public, max-age=31536000, immutable'
const ASK_AGAIN = 'no-cache'
/** Paths besides the assets, and their files. */
const NAMED: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/?slash.js': 'assets/slash.js',
  '/favicon.svg': 'favicon.svg',
  '/manifest.webmanifest': 'manifest.webmanifest',
  '/icon-192.png': 'icon-192.png',
  '/icon-512.png': 'icon-512.png',
  '/icon-maskable.png': 'icon-maskable.png',
  '/apple-touch-icon.png': 'apple-touch-icon.png',
}

/** `folder` is that of the build; if there is no page in it, the answers say so. */
export async function openPageRoutes(folder: string): Promise<readonly ReadRoute[]> {
  const files = await readPage(folder)
  const answer = (request: ReadRequest) => answerPage(files, request)
  const named = Object.keys(NAMED).filter((path) => !path.includes('?'))
  return ['/assets', ...named].map((prefix) => ({
    prefix,
    isExact: prefix !== '/assets',
    access: 'open',
    answer,
  }))
}

async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const slashed = names.map((name) => name.replaceAll('\\', '/'))
  const paths = new Map(Object.entries(NAMED))
  for (const name of slashed.filter(isAsset)) paths.set(`/${name}`, name)
  const files = new Map<string, PageFile>()
  for (const [path, name] of paths) {
    if (slashed.includes(name)) files.set(path, await readPageFile(folder, path, name))
  }
  return files
}

function isAsset(name: string): boolean {
  return name.startsWith(ASSETS.slice(1)) && TYPES[extname(name)] !== undefined
}

async function readPageFile(folder: string, path: string, name: string): Promise<PageFile> {
  const bodies = await readCodings(join(folder, name))
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    cacheControl: path.startsWith(ASSETS) ? FOREVER : ASK_AGAIN,
    tag: contentHash(bodies.get('identity') ?? ''),
    bodies,
  }
}

function answerPage(
  files: ReadonlyMap<string, PageFile>,
  { method, path, query, headers }: ReadRequest,
): ReadAnswer {
  const refused = refuseMethod(method)
  if (refused !== null) return refused
  const file = files.get(path === '/' && query.has('slash.js') ? '/?slash.js' : path)
  if (file === undefined) {
    if (path === '/') return NOT_BUILT
    return errorAnswer('not-found', 'The page has no such file. It is at /.')
  }
  const coding = chooseCoding(file.bodies, headerText(headers['accept-encoding']))
  const body = file.bodies.get(coding) ?? ''
  const answer = {
    status: 200,
    headers: {
      ...BROWSER_HEADERS,
      'content-type': file.type,
      'cache-control': file.cacheControl,
      vary: 'Accept-Encoding',
      ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    },
    body,
  }
  // Each coding is a representation of its own, with its own tag.
  const tag = coding === 'identity' ? `"${file.tag}"` : `"${file.tag}-${coding}"`
  return orNotModified(answer, tag, headerText(headers['if-none-match']))
}

/** Read by a person in a browser, so it is text. */
const NOT_BUILT: ReadAnswer = {
  status: 503,
  headers: {
    ...BROWSER_HEADERS,
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
  },
  body:
    'The dashboard has not been built here. Run `npm run build:page` in the folder of ' +
    'campaign-metrics, then start it again. Events are taken in all the same.\n',
}
