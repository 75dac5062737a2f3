/** The figures of a chart as texts in rows, before they are put into a table. */

export type TableContent = Readonly<{
  /** What the table is of; read out before it. */
  caption: string
  /** The first column names the rows. */
  columns: readonly string[]
  /** A row is told from others by its key; cells are texts, as many as columns. */
  rows: readonly Readonly<{ key: string; cells: readonly string[] }>[]
}>
