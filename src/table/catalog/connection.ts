/** What the catalog needs of a database: one connection, and the words in which the two databases differ. */

export type CatalogResult = Readonly<{
  rows: readonly Readonly<Record<string, unknown>>[]
  /** Rows that an UPDATE has changed. */
  changes: number
}>

export type CatalogConnection = Readonly<{
  /** For messages. */
  name: string
  /** Begins a transaction that writes. */
  begin: string
  /** Ends a SELECT that waits for whoever has changed its rows and not yet ended. */
  forUpdate: string
  /** One statement; each `?` stands for a value. */
  run(sql: string, values?: readonly string[]): Promise<CatalogResult>
  /** Gives a transaction under way up. */
  close(): Promise<void>
}>
