/** Values as they stand in SQL text, where DuckDB takes no parameters (settings, views, COPY). */

export function textSql(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function listSql(texts: readonly string[]): string {
  return `[${texts.map(textSql).join(', ')}]`
}

export function nameSql(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
