/** Answers as bytes: JSON, a CSV file, or an error. */
import type { ErrorAnswer } from '../../dashboard-definition.ts'
import { answerBreakdown } from './breakdown.ts'
import { answerCampaigns, listCampaigns } from './campaigns.ts'
import { campaignsCsv, csvFileName } from './csv.ts'
import type { Question } from './question.ts'
import { answerRevenue } from './revenue.ts'
import { answerSummary } from './summary.ts'
import { answerTrend } from './trend.ts'
import type { View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

/** Plain values, since they cross from one thread to another. */
export type FiguresAnswer = Readonly<{
  status: number
  contentType: string
  headers?: Readonly<Record<string, string>>
  body: Uint8Array | string
  /** What went wrong, if the fault is the server's: it is logged for the operator. */
  fault?: string
}>

const JSON_TYPE = 'application/json'
const CSV_TYPE = 'text/csv; charset=utf-8'

const ERRORS = {
  'bad-query': { status: 400, retryAfterSeconds: null },
  'range-too-large': { status: 400, retryAfterSeconds: null },
  'not-found': { status: 404, retryAfterSeconds: null },
  failed: { status: 500, retryAfterSeconds: null },
  starting: { status: 503, retryAfterSeconds: 1 },
  busy: { status: 503, retryAfterSeconds: 1 },
} as const

type ErrorCode = keyof typeof ERRORS

/** All questions but the one about values, which needs no sums. */
export type SumsQuestion = Exclude<Question, { kind: 'values' }>

/** The answer to a question from the sums of its view; files name the currency of revenue. */
export function answerFrom(
  question: SumsQuestion,
  view: View,
  sums: ViewSums,
  currency: string | null,
): FiguresAnswer {
  switch (question.kind) {
    case 'summary':
      return jsonAnswer(answerSummary(view, sums))
    case 'revenue':
      return jsonAnswer(answerRevenue(view, sums))
    case 'trend':
      return jsonAnswer(answerTrend(view, sums, question))
    case 'breakdown':
      return jsonAnswer(answerBreakdown(view, sums, question))
    case 'campaigns':
      return jsonAnswer(answerCampaigns(view, sums, question))
    case 'campaigns.csv':
      return csvAnswer(
        campaignsCsv(listCampaigns(view, sums, question), currency),
        csvFileName(view.span),
      )
    default:
      return question satisfies never
  }
}

export function jsonAnswer(answer: object): FiguresAnswer {
  return { status: 200, contentType: JSON_TYPE, body: encode(JSON.stringify(answer)) }
}

function csvAnswer(text: string, fileName: string): FiguresAnswer {
  return {
    status: 200,
    contentType: CSV_TYPE,
    headers: { 'content-disposition': `attachment; filename="${fileName}"` },
    body: encode(text),
  }
}

export function errorAnswer(code: ErrorCode, message: string): FiguresAnswer {
  const { status, retryAfterSeconds } = ERRORS[code]
  const body: ErrorAnswer = { error: { code, message } }
  return {
    status,
    contentType: JSON_TYPE,
    ...(retryAfterSeconds === null
      ? {}
      : { headers: { 'retry-after': String(retryAfterSeconds) } }),
    body: encode(JSON.stringify(body)),
    ...(code === 'failed' ? { fault: message } : {}),
  }
}

/** Not a slice of a larger buffer, so that it can be transferred to another thread. */
function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
