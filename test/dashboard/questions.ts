/** The paths below `/api/v1/` that answer from the figures. */
export const QUESTIONS = [
  'summary',
  'trend',
  'revenue',
  'breakdown',
  'campaigns',
  'campaigns.csv',
  'values',
] as const
