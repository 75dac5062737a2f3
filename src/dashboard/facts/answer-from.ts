/** The answer to a question from the sums of its view. */
import { csvAnswer, jsonAnswer } from './answer.ts'
import { answerCampaigns, listCampaigns } from './campaigns.ts'
import { campaignsCsv, csvFileName } from './csv.ts'
import type { FactsAnswer } from './message.ts'
import { answerRevenue } from './revenue.ts'
import { answerSummary } from './summary.ts'
import { answerTrend } from './trend.ts'
import type { View } from './view.ts'
import type { Question } from './view-query.ts'
import type { ViewSums } from './view-sums.ts'

/** All questions but the one about values, which needs no sums. */
export type SumsQuestion = Exclude<Question, { kind: 'values' }>

export function answerFrom(question: SumsQuestion, view: View, sums: ViewSums): FactsAnswer {
  switch (question.kind) {
    case 'summary':
      return jsonAnswer(answerSummary(view, sums))
    case 'revenue':
      return jsonAnswer(answerRevenue(view, sums))
    case 'trend':
      return jsonAnswer(answerTrend(view, sums, question.lines))
    case 'campaigns':
      return jsonAnswer(answerCampaigns(view, sums, question))
    case 'campaigns.csv':
      return csvAnswer(campaignsCsv(listCampaigns(view, sums, question)), csvFileName(view.span))
    default:
      return question satisfies never
  }
}
