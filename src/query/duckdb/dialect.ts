/**
 * Revenue in SQL, by the rule of src/event.ts: the value's shortest decimal form, rounded to millionths half away from
 * zero, as DECIMAL(18,6).
 *
 * DuckDB prints a DOUBLE in its shortest form and rounds a text half away from zero when it becomes a DECIMAL. Two
 * things stand in the way of the bare cast: a text with an exponent far below zero comes out wrong (5e-324 as
 * 0.000001 in DuckDB 1.5), so what rounds to zero is said to be zero (5e-7 is the smallest double whose shortest form
 * does not); and a text costs 100 ns, so the zeros of impressions and clicks go past it.
 *
 * NULL is 0. NaN, the infinities and values past 1e12 become NULL: no writer of ours stores them, and `verify` counts
 * them.
 */
export function millionthsSql(column: string): string {
  return (
    `CASE WHEN abs(${column}) < 5e-7 OR ${column} IS NULL THEN 0::DECIMAL(18,6) ` +
    `ELSE TRY_CAST(CAST(${column} AS VARCHAR) AS DECIMAL(18,6)) END`
  )
}

/** A DECIMAL sum of those as whole millionths. */
export function wholeMillionthsSql(sum: string): string {
  return `CAST(CAST(${sum} AS DECIMAL(38,6)) * 1000000 AS HUGEINT)`
}
