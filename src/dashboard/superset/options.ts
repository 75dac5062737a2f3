/** What the bundle is made for. */
import type { SupersetDatabase } from './database.ts'

export type BundleOptions = Readonly<{
  database: SupersetDatabase
  windowUs: number
  /** The currency of `revenue`, by ISO 4217; null for plain numbers. */
  currency: string | null
  /** Whether Superset processes Jinja, which filters by event and comparisons need. */
  hasTemplates: boolean
}>
