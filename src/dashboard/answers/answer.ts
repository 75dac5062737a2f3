/** Answers as bytes: JSON, a CSV file, or an error. */
import type { ErrorAnswer, Named } from '../../dashboard-definition.ts'
import type { CampaignNames } from '../store/campaign-names.ts'
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

/** The answer to a question from the sums of its view. */
export function answerFrom(
  question: SumsQuestion,
  view: View,
  sums: ViewSums,
  currency: string | null,
): FiguresAnswer {
  const { names } = sums
  const { campaigns: chosen } = question.view
  switch (question.kind) {
    case 'summary':
      return jsonAnswer(withNames(answerSummary(view, sums), chosen, names))
    case 'revenue': {
      const answer = answerRevenue(view, sums)
      const ids = answer.campaigns.map(({ campaign }) => campaign)
      return jsonAnswer(withNames(answer, [...chosen, ...ids], names))
    }
    case 'trend': {
      const answer = answerTrend(view, sums, question)
      const ids = answer.lines.flatMap(({ campaign }) => campaign ?? [])
      return jsonAnswer(withNames(answer, [...chosen, ...ids], names))
    }
    case 'breakdown':
      return jsonAnswer(answerBreakdown(view, sums, question))
    case 'campaigns': {
      const answer = answerCampaigns(view, sums, question)
      const ids = answer.rows.map(({ campaign }) => campaign)
      return jsonAnswer(withNames(answer, [...chosen, ...ids], names))
    }
    case 'campaigns.csv':
      return csvAnswer(
        campaignsCsv(listCampaigns(view, sums, question), {
          currency,
          timezone: view.zone,
          span: view.span,
          nameOf: (campaign) => names.givenNameOf(campaign),
        }),
        csvFileName(view.span),
      )
    default:
      return question satisfies never
  }
}

/** With the names of these campaigns, if there are names. */
function withNames<Answer extends Named>(
  answer: Answer,
  ids: readonly string[],
  names: CampaignNames,
): Answer {
  if (!names.areGiven) return answer
  return { ...answer, names: Object.fromEntries(ids.map((id) => [id, names.givenNameOf(id)])) }
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
