#!/usr/bin/env python3
"""Reads both tables with DuckDB's own Iceberg extension and holds them against the input, by SQL.

usage: duckdb-reader.py CATALOG.db INPUT.ndjson...

What is expected comes from tables.py (which reads with PyIceberg); here another implementation of Parquet, Avro and Iceberg reads the
same files: rows, distinct ids, sums of each count and of revenue in millionths, per day and per event type, and the GROUP BY over the raw
table against the metrics table. Prints what differs; exit 0 if nothing does.
"""
import sqlite3, sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import duckdb_extensions, tables

DAY = 86_400_000_000


def millionths(revenue):
    return int((Decimal(repr(revenue)) * 1_000_000).to_integral_value(ROUND_HALF_UP))


def main():
    catalog, *inputs = sys.argv[1:]
    raw, _, _ = tables.expected(inputs)
    windows = tables.windows(raw)
    pointers = dict(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True).execute(
        "SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = 'lake' AND table_namespace = 'campaigns'").fetchall())
    connection = duckdb_extensions.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in ("campaign_events", "campaign_metrics"):
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM iceberg_scan('{pointers[name]}')")
    differences = 0

    def same(what, sql, want):
        nonlocal differences
        got = connection.execute(sql).fetchall()
        if sorted(map(repr, got)) != sorted(map(repr, want)):
            differences += 1
            print(f"{what}: DuckDB says {got[:5]}, the input says {list(want)[:5]}")

    same("raw rows and distinct ids", "SELECT count(*), count(DISTINCT event_id) FROM campaign_events", [(len(raw), len(raw))])
    kinds = Counter((row[4] // DAY, row[3]) for row in raw.values())
    same("raw rows by day and type", """SELECT epoch_us("timestamp") // 86400000000, event_type, count(*) FROM campaign_events GROUP BY ALL""",
         [(day, kind, rows) for (day, kind), rows in kinds.items()])
    same("non-null values", "SELECT count(platform), count(country), count(device_type) FROM campaign_events",
         [tuple(sum(row[6 + at] is not None for row in raw.values()) for at in range(3))])
    same("revenue as exact doubles", "SELECT revenue, count(*) FROM campaign_events GROUP BY revenue",
         list(Counter(row[5] for row in raw.values()).items()))
    same("length of all text in bytes", """SELECT sum(strlen(event_id)), sum(strlen(user_id)), sum(strlen(campaign_id)) FROM campaign_events""",
         [tuple(sum(len(row[at].encode()) for row in raw.values()) for at in range(3))])
    same("metrics rows and sums", "SELECT count(*), sum(impressions), sum(clicks), sum(conversions) FROM campaign_metrics",
         [(len(windows), *(sum(cell[at] for cell in windows.values()) for at in (1, 2, 3)))])
    same("every metrics row", """SELECT campaign_id, epoch_us(window_start), epoch_us(window_end), impressions, clicks, conversions, revenue,
            ctr_percent, cvr_percent FROM campaign_metrics""",
         [(*key, *cell) for key, cell in windows.items()])
    same("windows that differ from the GROUP BY over the raw table", """
        WITH recount AS (SELECT campaign_id, time_bucket(INTERVAL 5 MINUTE, "timestamp") AS window_start,
            count(*) FILTER (event_type = 'impression') AS i, count(*) FILTER (event_type = 'click') AS c,
            count(*) FILTER (event_type = 'conversion') AS v FROM campaign_events GROUP BY ALL)
        SELECT count(*) FROM recount FULL JOIN campaign_metrics m USING (campaign_id, window_start)
        WHERE i IS DISTINCT FROM impressions OR c IS DISTINCT FROM clicks OR v IS DISTINCT FROM conversions""", [(0,)])
    by_campaign = Counter()
    for row in raw.values():
        by_campaign[row[2]] += millionths(row[5])
    named = next(iter(by_campaign))
    rows = connection.execute("SELECT revenue FROM campaign_events WHERE campaign_id = ?", [named]).fetchall()
    if sum(millionths(revenue) for (revenue,) in rows) != by_campaign[named]:
        differences += 1
        print(f"revenue of campaign {named!r} differs")
    print(f"DuckDB {duckdb.__version__}: {len(raw)} events, {len(windows)} windows; differences: {differences}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
