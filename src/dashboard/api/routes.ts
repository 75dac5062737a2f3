/**
 * The API: `/api/v1/…`. The thread of the figures answers, except for what the main thread knows
 * itself. `../openapi.json` describes all of it.
 */
import { readFile } from 'node:fs/promises'
import { headerText, type ReadAnswer, type ReadRequest, type ReadRoute } from '../../collect.ts'
import type { SettingsAnswer } from '../../dashboard-definition.ts'
import { isQuestionKind } from '../answers/question.ts'
import { BROWSER_HEADERS, errorAnswer, jsonAnswer, refuseMethod } from './answer.ts'
import type { FiguresSupervisor } from './figures-supervisor.ts'
import type { LiveStream } from './live-stream.ts'

export type ApiParts = Readonly<{
  settings: SettingsAnswer
  figures: Pick<FiguresSupervisor, 'answer'>
  stream: Pick<LiveStream, 'connect'>
}>

const PREFIX = '/api/v1'
const DESCRIPTION = `${PREFIX}/openapi.json`
/** Beside this folder, both in the sources and in the published package. */
const DESCRIPTION_FILE = new URL('../openapi.json', import.meta.url)

/** Keeps proxies from buffering or recompressing, which would delay messages. */
const STREAM_HEADERS = {
  ...BROWSER_HEADERS,
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

export async function openApiRoutes(parts: ApiParts): Promise<readonly ReadRoute[]> {
  const description = await readFile(DESCRIPTION_FILE)
  return [
    { prefix: PREFIX, answer: (request) => answerApi(parts, request) },
    {
      prefix: DESCRIPTION,
      isExact: true,
      access: 'open',
      answer: ({ method, headers }) =>
        refuseMethod(method) ?? jsonAnswer(description, sentTags(headers)),
    },
  ]
}

const NOTHING_HERE = errorAnswer(
  'not-found',
  `There is nothing here. What can be asked stands in ${DESCRIPTION}.`,
)

function answerApi(parts: ApiParts, request: ReadRequest): ReadAnswer | Promise<ReadAnswer> {
  const { method, query, headers } = request
  const path = request.path.slice(PREFIX.length + 1)
  const isKnown = path === 'settings' || path === 'stream' || isQuestionKind(path)
  if (!isKnown) return NOTHING_HERE
  const refused = refuseMethod(method)
  if (refused !== null) return refused
  if (path === 'settings') return jsonAnswer(JSON.stringify(parts.settings), sentTags(headers))
  if (path === 'stream') return answerStream(parts.stream, request)
  return parts.figures.answer(path, query.toString(), sentTags(headers))
}

function answerStream(stream: ApiParts['stream'], { method, headers }: ReadRequest): ReadAnswer {
  if (method === 'HEAD') return { status: 200, headers: STREAM_HEADERS, body: null }
  const lastId = headers['last-event-id']
  const body = stream.connect(Array.isArray(lastId) ? lastId[0] : lastId)
  if (body !== null) return { status: 200, headers: STREAM_HEADERS, body }
  return errorAnswer(
    'too-many-streams',
    'Too many pages watch already. Close one, or try again later.',
  )
}

function sentTags(headers: ReadRequest['headers']): string | undefined {
  return headerText(headers['if-none-match'])
}
