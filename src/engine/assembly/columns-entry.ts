// The exports of the columns half of the engine: from the row block to Parquet pages and window sums.

export function columnsVersion(): i32 {
  return 0;
}
