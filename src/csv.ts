/** CSV and TSV as other programs write them (RFC 4180), row by row. */
export { type CsvRow, csvRows, delimiterOf, MalformedRows } from './csv/csv-rows.ts'
